/* Which of the enabled steps of a state are taken: a stubborn set (Valmari, "Stubborn sets for reduced state
 * space generation", 1991), chosen by what is known statically about units of stepping
 * (kspec.explicit.relations).
 *
 * All actions are executed, so what is enabled is exact; their successors wait on a stage.  Then every
 * enabled unit is tried as the seed of a set that is closed under this: with an enabled unit goes everything
 * it depends on; with a disabled one goes everything that may make some false part of
 * its guard true.  Observers are never enabled in the sense of this file: where what they look for is the
 * case, it has been noted, and nothing goes with them.  A set with an enabled sticky unit will not do (only all steps
 * together will), and the set with the fewest enabled units wins.  Only its successors leave the stage.
 * The choice is a function of the state alone.
 *
 * Generated before this: UNITS, MANY (words of a set of units), rows (sets), taken_with[u] (a row),
 * enablers_at[u] and enablers (rows, by part of the guard), sticky, unit_action, why_of. */

enum { STAGED = 1 << 20, SEEDS = 64 };

struct item {
	u32 unit, action, actor, unused;
	u64 t[WORDS];
};

struct stage {
	u64 n;			/* successors on the stage */
	u64 spared;		/* successors that were not taken, in all */
	u64 able[MANY];		/* units that can take a step, an error included */
	u64 gives[MANY];	/* those with a successor */
	u64 known[MANY];	/* units for which `why` is known in this state */
	u32 why[UNITS];		/* the false parts of the guard */
	struct item items[STAGED];
};

#ifdef __GNUC__
#define LOWEST(x) ((u32)__builtin_ctzll(x))
#define ONES(x) ((u32)__builtin_popcountll(x))
#else
static u32 LOWEST(u64 x)
{
	u32 n = 0;
	while (!(x & 0xff)) {
		x >>= 8;
		n += 8;
	}
	while (!(x & 1)) {
		x >>= 1;
		n++;
	}
	return n;
}

static u32 ONES(u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (u32)((x * 0x0101010101010101ULL) >> 56);
}
#endif

INLINE void set_bit(u64 *row, u32 n)
{
	row[n >> 6] |= 1ULL << (n & 63);
}

INLINE i32 has_bit(const u64 *row, u32 n)
{
	return (i32)(row[n >> 6] >> (n & 63) & 1);
}

/* A unit can do something. */
INLINE void able(struct worker *w, u32 unit)
{
	set_bit(((struct stage *)w->stage)->able, unit);
}

/* A successor of the state that is being expanded. */
INLINE void stage(struct worker *w, u32 unit, u32 action, u32 actor, const u64 *t)
{
	struct stage *g = w->stage;
	struct item *x = g->items + g->n;
	set_bit(g->gives, unit);
	x->unit = unit;
	x->action = action;
	x->actor = actor;
	copy(x->t, t);
	if (RARE(++g->n == STAGED)) {
		w->broken = 2;
		g->n--;
	}
}

static u32 why_of(struct worker *w, const u64 *s, u32 u);

/* The row of what may enable a unit: of the parts of its guard that are false, the one that costs least. */
static const u64 *enablers_of(struct worker *w, const u64 *s, u32 u, const u64 *set)
{
	struct stage *g = w->stage;
	const u64 *best = 0, *row;
	u32 first = enablers_at[u], rest = enablers_at[u + 1] - 1, k, i, cost, least = 0;
	u64 more, parts;
	if (!has_bit(g->known, u)) {
		set_bit(g->known, u);
		g->why[u] = why_of(w, s, u);
	}
	parts = g->why[u];
	if (!parts)
		return rows[enablers[rest]];
	for (k = first; parts; parts >>= 1, k++) {
		if (!(parts & 1))
			continue;
		row = rows[enablers[k]];
		cost = 0;
		for (i = 0; i < MANY; i++) {
			more = row[i] & ~set[i];
			if (more)
				cost += ONES(more) + 64 * ONES(more & g->able[i]);
		}
		if (!best || cost < least) {
			best = row;
			least = cost;
		}
	}
	return best;
}

/* Makes `set` the closure of a seed; the number of its enabled units, 0 when that is not less than `most`
 * or a sticky one is among them. */
static u32 closure(struct worker *w, const u64 *s, u32 seed, u32 most, u64 *set)
{
	const struct stage *g = w->stage;
	u64 todo[MANY], more;
	const u64 *row;
	u32 i, u, enabled = 1, at = seed >> 6;
	for (i = 0; i < MANY; i++)
		set[i] = todo[i] = 0;
	set_bit(set, seed);
	set_bit(todo, seed);
	if (enabled >= most || has_bit(sticky, seed))
		return 0;
	while (at < MANY) {
		if (!todo[at]) {
			for (at = 0; at < MANY && !todo[at]; at++)
				;
			continue;
		}
		u = at * 64 + LOWEST(todo[at]);
		todo[at] &= todo[at] - 1;
		row = has_bit(g->able, u) ? rows[taken_with[u]] : enablers_of(w, s, u, set);
		for (i = 0; i < MANY; i++) {
			more = row[i] & ~set[i];
			if (!more)
				continue;
			set[i] |= more;
			todo[i] |= more;
			more &= g->able[i];
			if (more & sticky[i])
				return 0;
			enabled += ONES(more);
		}
		if (enabled >= most)
			return 0;
	}
	return enabled;
}

/* Takes the successors of the state's stubborn set off the stage. */
static void reduce(struct worker *w, const u64 *s)
{
	struct stage *g = w->stage;
	u64 best[MANY], set[MANY], left, i;
	u32 k, most = 0, found, seeds = 0;
	for (k = 0; k < MANY; k++) {
		best[k] = ~0ULL;
		most += ONES(g->able[k]);
	}
	for (k = 0; k < MANY && most > 1; k++) {
		for (left = g->gives[k]; left && most > 1 && seeds < SEEDS; left &= left - 1, seeds++) {
			found = closure(w, s, k * 64 + LOWEST(left), most, set);
			if (!found)
				continue;
			most = found;
			for (i = 0; i < MANY; i++)
				best[i] = set[i];
		}
	}
	for (i = 0; i < g->n; i++) {
		if (has_bit(best, g->items[i].unit))
			emit(w, g->items[i].action, g->items[i].actor, g->items[i].t);
		else if (w->mode == SEARCH)
			g->spared++;
	}
	g->n = 0;
	for (k = 0; k < MANY; k++)
		g->able[k] = g->gives[k] = g->known[k] = 0;
}
