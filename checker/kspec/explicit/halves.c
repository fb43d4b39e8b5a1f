/* How states are stored: in full, or (FOLDED) as the numbers of their two halves.
 *
 * Long states have much in common with one another: the first halves of their words take few distinct values,
 * and so do the second halves.  Each distinct half is stored once, in a table of its own, and a state is the
 * pair of the numbers of its halves, one word (a tree of one level: Laarman, van de Pol and Weber, "Parallel
 * recursive state compression for free", SPIN 2011).  Equal states have equal pairs, so this is exact. */

#if FOLDED

#define STORED 1
enum { LEFT = (WORDS + 1) / 2, RIGHT = WORDS - LEFT };

struct half {
	u64 *items;		/* the distinct halves */
	u64 *slots;		/* the table, as that of states */
	u64 slot_count;
	u64 room;		/* so many may be stored before the table has to grow */
	u64 count;
};

INLINE u64 half_hash(const u64 *part, u32 words)
{
	u64 h = 0;
	u32 i;
	for (i = 0; i < words; i++)
		h += mix(part[i], i);
	h ^= h >> 29;
	h *= 0xD6E8FEB86659FD93ULL;
	return h ^ (h >> 32);
}

/* The number of a half, which is stored if it is new; 0 when the table has to grow first. */
static i32 intern(struct half *half, const u64 *part, u32 words, u64 *number)
{
	const u64 none = ~0ULL;
	u64 h = half_hash(part, words), at = slot_of(h, half->slot_count), e, mine = none;
	const u64 *item;
	u32 i;
	for (;;) {
		e = LOAD(half->slots + at);
		if (!e) {
			if (mine == none) {
				if (PEEK(&half->count) >= half->room)
					return 0;
				mine = ADD(&half->count, 1);
				for (i = 0; i < words; i++)
					half->items[mine * words + i] = part[i];
			}
			if (take_slot(half->slots + at, entry_of(h, mine))) {
				*number = mine;
				return 1;
			}
			continue;
		}
		if ((u32)(e >> 32) == (u32)h) {
			item = half->items + (u64)((u32)e - 1) * words;
			for (i = 0; i < words && item[i] == part[i]; i++)
				;
			if (i == words) {
				*number = (u32)e - 1;
				return 1;
			}
		}
		if (++at == half->slot_count)
			at = 0;
	}
}

/* What a state is stored as; 0 when a table of halves has to grow first. */
INLINE i32 fold(const struct shared *sh, const u64 *t, u64 *stored)
{
	struct half *halves = sh->halves;
	u64 left, right;
	if (!intern(halves, t, LEFT, &left) || !intern(halves + 1, t + LEFT, RIGHT, &right))
		return 0;
	*stored = left << 32 | right;
	return 1;
}

/* The words of a state; `room` is for them if they are not there in one piece. */
INLINE const u64 *state_of(const struct shared *sh, u64 id, u64 *room)
{
	const struct half *halves = sh->halves;
	const u64 *left = halves[0].items + (sh->states[id] >> 32) * LEFT;
	const u64 *right = halves[1].items + (sh->states[id] & 0xffffffffULL) * RIGHT;
	u32 i;
	for (i = 0; i < LEFT; i++)
		room[i] = left[i];
	for (i = 0; i < RIGHT; i++)
		room[LEFT + i] = right[i];
	return room;
}

INLINE void put(const struct shared *sh, u64 id, const u64 *t, u64 stored)
{
	(void)t;
	sh->states[id] = stored;
}

/* Stores the states from..to-1, whose words are given (they may lie where states are, at their places in
 * full); the number of the first that did not fit. */
u64 kspec_fold(struct shared *sh, u64 from, u64 to, const u64 *words)
{
	u64 stored;
	for (; from < to; from++, words += WORDS) {
		if (!fold(sh, words, &stored))
			break;
		sh->states[from] = stored;
	}
	return from;
}

/* The words of the states from..to-1. */
void kspec_unfold(const struct shared *sh, u64 from, u64 to, u64 *words)
{
	u64 room[WORDS];
	for (; from < to; from++, words += WORDS)
		copy(words, state_of(sh, from, room));
}

/* Puts all halves into an emptied table. */
void kspec_rehash(struct half *half, u64 right)
{
	u32 words = right ? RIGHT : LEFT;
	u64 i, h, at;
	for (i = 0; i < half->count; i++) {
		h = half_hash(half->items + i * words, words);
		at = slot_of(h, half->slot_count);
		while (half->slots[at])
			if (++at == half->slot_count)
				at = 0;
		half->slots[at] = entry_of(h, i);
	}
}

#else

#define STORED WORDS

INLINE i32 fold(const struct shared *sh, const u64 *t, u64 *stored)
{
	(void)sh;
	(void)t;
	(void)stored;
	return 1;
}

INLINE const u64 *state_of(const struct shared *sh, u64 id, u64 *room)
{
	(void)room;
	return sh->states + id * WORDS;
}

INLINE void put(const struct shared *sh, u64 id, const u64 *t, u64 stored)
{
	(void)stored;
	copy(sh->states + id * WORDS, t);
}

#endif
