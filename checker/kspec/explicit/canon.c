/* The fixed part of canonical forms: which member of its orbit stands for a state.
 *
 * Permutations of the identities of symmetric types map states to states; the states that are mapped to
 * one another form an orbit.  Here every state is replaced by one of its orbit, the same for all of them
 * unless it says otherwise: identities are ranked by what can be told about them without naming any, and
 * the state is permuted so that they stand in the order of their ranks.
 *
 * 1. Each identity has a row: what is stored under it, and in which places it is stored, where no other
 *    identity is involved.  Where rows differ, their order is the rank.
 * 2. Types with links (elements that involve two identities) refine ties by colours: the colour of an
 *    identity is a hash of its row, then of the colours that it is linked to, until no class of equal
 *    colours splits any more (colour refinement).
 * 3. Identities of equal rank whose exchange leaves the state as it is are twins: their order is of no
 *    account.  Among others each is tried as the first of its class, and what follows is refined again (the
 *    search tree of McKay, "Practical graph isomorphism", 1981); the least form of all leaves is taken.
 *    A subtree in which a form of an earlier one turns up is the same up to an automorphism: it is left.
 *
 * Ranks do not depend on names, so the form is exact.  When there are more than LEAVES leaves, ties stay in
 * the order they have: still a member of the orbit, but not always the same one.
 *
 * Generated before this: IDS identities of TYPES types, type y from id_first[y] to id_first[y + 1] - 1; ROW words
 * of a row; id_linked[y]; GROUP, the number of permutations (0: beyond 64 bits); touched, the bits of a state
 * that permutations change; rows, links and permute. */

enum { LEAVES = 5040 };

struct canon {
	const u64 *t;		/* the state */
	u64 row[IDS][ROW];
	u32 order[IDS];		/* identities by rank, type by type */
	u32 to[IDS];		/* the inverse: the place of each identity (within its type) */
	u64 leaves;
	const u64 *goals[IDS];	/* the least forms of earlier subtrees, by depth */
	u32 hit;		/* the depth of the goal that was met, NO_HIT if none */
};

enum { NO_HIT = 0xffffffffU };

INLINE u64 stir(u64 h)
{
	h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ULL;
	h = (h ^ (h >> 27)) * 0x94D049BB133111EBULL;
	return h ^ (h >> 31);
}

INLINE i32 row_below(const u64 *a, const u64 *b)
{
	u32 i;
	for (i = 0; i + 1 < ROW; i++)
		if (a[i] != b[i])
			return a[i] < b[i];
	return a[i] < b[i];
}

INLINE i32 row_same(const u64 *a, const u64 *b)
{
	u32 i;
	for (i = 0; i < ROW; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

INLINE u64 factorial(u64 n)
{
	u64 f = 1;
	for (; GROUP && n > 1; n--)
		f *= n;
	return f;
}

/* Ranks by rows; equal rows stay in the order of the identities. */
INLINE void rank_rows(struct canon *k, u32 y)
{
	u32 i, j, id;
	for (i = id_first[y]; i < id_first[y + 1]; i++) {
		id = i;
		for (j = i; j > id_first[y] && row_below(k->row[id], k->row[k->order[j - 1]]); j--)
			k->order[j] = k->order[j - 1];
		k->order[j] = id;
	}
}

/* Whether any identity has to move; sets the places. */
INLINE i32 place(struct canon *k)
{
	u32 y, i;
	i32 moved = 0;
	for (y = 0; y < TYPES; y++)
		for (i = id_first[y]; i < id_first[y + 1]; i++) {
			k->to[k->order[i]] = i - id_first[y];
			moved |= k->order[i] != i;
		}
	return moved;
}

#if LINKS
/* Ranks by colours; returns the number of different ones. */
NOINLINE u32 rank_colours(struct canon *k, const u64 *colour)
{
	u32 y, i, j, id, classes = 0;
	for (y = 0; y < TYPES; y++) {
		if (!id_linked[y])
			continue;
		for (i = id_first[y]; i < id_first[y + 1]; i++) {
			id = i;
			for (j = i; j > id_first[y] && colour[id] < colour[k->order[j - 1]]; j--)
				k->order[j] = k->order[j - 1];
			k->order[j] = id;
		}
		for (i = id_first[y]; i < id_first[y + 1]; i++)
			classes += i == id_first[y] || colour[k->order[i]] != colour[k->order[i - 1]];
	}
	return classes;
}

/* Splits classes by what they are linked to.  `many` counts the links of each identity. */
NOINLINE void refine(struct canon *k, u64 *colour, u32 *many)
{
	u64 sum[IDS];
	u32 i, before, classes = rank_colours(k, colour);
	do {
		before = classes;
		for (i = 0; i < IDS; i++) {
			sum[i] = 0;
			many[i] = 0;
		}
		links(k->t, colour, sum, many);
		for (i = 0; i < IDS; i++)
			colour[i] = stir(colour[i] + GOLDEN * stir(sum[i]));
		classes = rank_colours(k, colour);
	} while (classes > before);
}

NOINLINE i32 twins(struct canon *k, u32 y, u32 a, u32 b, const u32 *many)
{
	u64 u[WORDS];
	u32 to[IDS], z, i;
	if (!row_same(k->row[a], k->row[b]))
		return 0;
	if (!many[a] && !many[b])
		return 1;
	for (z = 0; z < TYPES; z++)
		for (i = id_first[z]; i < id_first[z + 1]; i++)
			to[i] = i - id_first[z];
	to[a] = b - id_first[y];
	to[b] = a - id_first[y];
	permute(k->t, to, u);
	return same(u, k->t);
}

INLINE i32 below(const u64 *a, const u64 *b)
{
	u32 i;
	for (i = 0; i + 1 < WORDS && a[i] == b[i]; i++)
		;
	return a[i] < b[i];
}

/* The least form below a node of the search tree goes to `best`; returns how many rankings lead to it. */
static u64 descend(struct canon *k, const u64 *given, u32 depth, u64 *best)
{
	u64 colour[IDS], next[IDS], form[WORDS], count = 0, each = 0, n, weight = 1;
	u32 many[IDS], members[IDS], y, i, j, m, size = 0;
	for (i = 0; i < IDS; i++)
		colour[i] = given[i];
	refine(k, colour, many);
	for (y = 0; y < TYPES && !size; y++) {
		if (!id_linked[y])
			continue;
		for (i = id_first[y]; i < id_first[y + 1] && !size; i = j) {
			for (j = i + 1; j < id_first[y + 1] && colour[k->order[j]] == colour[k->order[i]]; j++)
				;
			for (m = i + 1; m < j && twins(k, y, k->order[m - 1], k->order[m], many); m++)
				;
			if (m == j) {
				weight *= factorial(j - i);
				continue;
			}
			for (m = i; m < j; m++)
				members[size++] = k->order[m];
		}
	}
	if (!size || depth == IDS) {
		k->leaves++;
		(void)place(k);
		permute(k->t, k->to, best);
		for (i = 0; i < depth; i++)
			if (k->goals[i] && same(k->goals[i], best)) {
				k->hit = i;
				break;
			}
		return weight;
	}
	k->goals[depth] = 0;
	for (m = 0; m < size && k->leaves <= LEAVES; m++) {
		for (i = 0; i < IDS; i++)
			next[i] = colour[i];
		next[members[m]] = stir(~colour[members[m]]);
		n = descend(k, next, depth + 1, form);
		if (k->hit < depth)
			break;
		if (k->hit == depth) {
			k->hit = NO_HIT;
			count += each;
			continue;
		}
		if (!m || below(form, best)) {
			copy(best, form);
			count = each = n;
		} else if (same(form, best)) {
			count += n;
		}
		k->goals[depth] = best;
	}
	return count;
}

/* Ranks the identities of linked types where rows leave ties, and puts the form in the place of the state.
 * Returns how many rankings lead to it, 0 when there were too many to look at all of them. */
NOINLINE u64 untie(struct canon *k, u64 *t)
{
	u64 colour[IDS], best[WORDS], count;
	u32 y, i, j;
	for (y = 0; y < TYPES; y++)
		for (i = id_first[y]; i < id_first[y + 1]; i++) {
			colour[i] = y;
			for (j = 0; j < ROW; j++)
				colour[i] = stir(colour[i] + GOLDEN) ^ k->row[i][j];
		}
	k->leaves = 0;
	k->hit = NO_HIT;
	count = descend(k, colour, 0, best);
	if (k->leaves > LEAVES) {
		u32 many[IDS];
		refine(k, colour, many);
		(void)place(k);
		permute(k->t, k->to, best);
		count = 0;
	}
	copy(t, best);
	return count;
}
#endif

/* Replaces a state by the one that stands for its orbit.  Returns the number of permutations that leave the
 * state as it is; 0 when the form is not exact; anything when GROUP is 0. */
static u64 canon(u64 *t)
{
	struct canon k;
	u64 u[WORDS], alike = 1;
	u32 y, i, run, tied = 0;
	k.t = t;
	rows(t, k.row);
	for (y = 0; y < TYPES; y++) {
		rank_rows(&k, y);
		run = 1;
		for (i = id_first[y] + 1; i < id_first[y + 1]; i++) {
			run = row_same(k.row[k.order[i - 1]], k.row[k.order[i]]) ? run + 1 : 1;
			if (id_linked[y])
				tied |= run > 1;
			else if (GROUP)
				alike *= run;
		}
	}
#if LINKS
	if (tied) {
		copy(u, t);
		k.t = u;
		return alike * untie(&k, t);
	}
#endif
	(void)tied;
	if (place(&k)) {
		permute(t, k.to, u);
		copy(t, u);
	}
	return alike;
}

/* Whether two states differ where permutations change anything. */
INLINE i32 disturbed(const u64 *s, const u64 *t)
{
	u64 d = 0;
	u32 i;
	for (i = 0; i < WORDS; i++)
		d |= (s[i] ^ t[i]) & touched[i];
	return d != 0;
}

/* For the host: the form of a state, in its place. */
u64 kspec_canon(u64 *t)
{
	return canon(t);
}

/* Adds to sums[0] how many states the states from..to-1 stand for, to sums[1] how many forms are not exact. */
void kspec_orbits(const struct shared *sh, u64 from, u64 to, u64 *sums)
{
	u64 t[WORDS], alike;
	for (; from < to; from++) {
		copy(t, sh->states + from * WORDS);
		alike = canon(t);
		if (!alike || !same(t, sh->states + from * WORDS))
			sums[1]++;
		else
			sums[0] += GROUP / alike;
	}
}
