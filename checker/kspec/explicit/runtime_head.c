/* The fixed part of a native explorer that comes before the code of the model: types, the structures
 * shared with the host (kspec.explicit.native mirrors them), hashing, the buffer of successors.
 *
 * Memory is handed in by the host.  The states are one dense array that only grows; it is the set of
 * what was reached, the queue of what is still to be expanded, and the space of numbers for parent links.
 * The table holds, per slot, a tag of 32 bits of the hash and the number of a state plus one.
 *
 * No headers and no library: it also compiles with compilers that have neither. */

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

#ifdef __GNUC__
#define RARE(x) __builtin_expect(!!(x), 0)
#define PREFETCH(p) __builtin_prefetch(p)
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline, unused))
#else
#define RARE(x) (x)
#define PREFETCH(p) ((void)0)
#define INLINE static inline
#define NOINLINE static
#endif

#if THREADS
#define LOAD(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define PEEK(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define ADD(p, n) __atomic_fetch_add(p, n, __ATOMIC_RELAXED)
#define MARK(p) __atomic_store_n(p, 1, __ATOMIC_RELAXED)
INLINE i32 take_slot(u64 *p, u64 e)
{
	u64 zero = 0;
	return __atomic_compare_exchange_n(p, &zero, e, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
#else
#define LOAD(p) (*(p))
#define PEEK(p) (*(p))
#define MARK(p) (*(p) = 1)
INLINE u64 ADD(u64 *p, u64 n)
{
	u64 v = *p;
	*p = v + n;
	return v;
}
INLINE i32 take_slot(u64 *p, u64 e)
{
	*p = e;
	return 1;
}
#endif

/* What all workers see. */
struct shared {
	u64 *states;		/* WORDS words for each state */
	u32 *parents;		/* the state from which each state was first reached */
	u64 *slots;		/* the table: 0 is empty */
	u8 *marks;		/* for sweeps: the states that lead to a target */
	u8 *decided;		/* properties that were decided in an earlier level */
	u64 slot_count;
	u64 room;		/* so many states may be stored before the table has to grow */
	u64 count;		/* states stored (with the numbers that workers hold in reserve) */
	u64 next;		/* the first state of the level that was not handed out */
	u64 end;		/* the end of the level */
	u64 chunk;		/* so many states of the level are handed out at a time */
	void *halves;		/* where halves of states are, when states are pairs of these */
};

/* What one worker has. */
struct worker {
	struct shared *sh;
	u64 *batch;		/* successors that wait to be looked up: their words, */
	u64 *hashes;		/* hashes, */
	u32 *sources;		/* and where they come from */
	u64 *taken;		/* how often each action was taken */
	u64 *found;		/* for each property: found, site, words of the smallest state */
	u64 *recent;		/* successors seen lately, by hash: most duplicates are among them */
	void *frames;		/* room for the open choices of one path */
	u64 capacity;		/* of the batch */
	u64 n;			/* entries in the batch */
	u64 at, stop;		/* the stretch of the level that is being worked on */
	u64 held, held_end;	/* numbers of states in reserve */
	u64 source;		/* the state that is being expanded, */
	const u64 *origin;	/* its words, */
	u64 base;		/* and the sum of the hashes of its words */
	u64 alive;		/* whether anything can happen in it */
	u64 cut;		/* steps beyond a limit */
	u64 broken;		/* 1: the system breaks its contract; 2: too many successors of one state */
	u64 mode;		/* what is done with successors and sightings, see below */
	u64 target;		/* SWEEP, JUDGE: the property that is looked for, */
	u64 hit;		/* and whether it was seen */
	u64 first;		/* SWEEP: successors with smaller numbers do not count */
	u32 *actors;		/* SWEEP: who made the successors in the batch */
	u32 *edges;		/* SWEEP: steps that go on to the target: from, to, who, */
	u64 edge_count;		/* how many there are, */
	u64 edge_capacity;	/* and for how many there is room */
	u64 actor;		/* who takes the step that is being looked at */
	void *stage;		/* room for choosing among the steps of a state */
};

/* SEARCH stores successors and notes sightings.  The others store nothing.  SWEEP marks states with marked
 * successors, JUDGE looks for one property in states themselves, PROBE notes what is wrong with states in
 * which nothing can happen. */
enum { SEARCH = 0, SWEEP = 1, JUDGE = 2, PROBE = 3 };

enum { BATCH = 64, HELD = 16, RECORD = WORDS + 2 };
enum { WORK_DONE = 0, WORK_SLICE = 1, WORK_GROW = 2, WORK_BROKEN = 3 };

#define GOLDEN 0x9E3779B97F4A7C15ULL

INLINE u64 mix(u64 w, u32 i)
{
	w = (w ^ (GOLDEN * (2ULL * i + 1))) * 0xBF58476D1CE4E5B9ULL;
	w ^= w >> 32;
	return w * 0x94D049BB133111EBULL;
}

INLINE u64 hash_sum(const u64 *t)
{
	u64 h = 0;
	u32 i;
	for (i = 0; i < WORDS; i++)
		h += mix(t[i], i);
	return h;
}

INLINE u64 hash_end(u64 h)
{
	if (WORDS > 1) {
		h ^= h >> 29;
		h *= 0xD6E8FEB86659FD93ULL;
	}
	return h ^ (h >> 32);
}

/* The sum of a successor: only words that differ from those of its origin are hashed again. */
INLINE u64 hash_next(const struct worker *w, const u64 *t)
{
	u64 h = w->base;
	u32 i;
	if (WORDS < 4)
		return hash_sum(t);
	for (i = 0; i < WORDS; i++)
		if (t[i] != w->origin[i])
			h += mix(t[i], i) - mix(w->origin[i], i);
	return h;
}

INLINE u64 slot_of(u64 h, u64 slot_count)
{
	return ((h >> 32) * slot_count) >> 32;
}

INLINE u64 entry_of(u64 h, u64 id)
{
	return (h << 32) | (id + 1);
}

INLINE i32 same(const u64 *a, const u64 *b)
{
	u32 i;
	for (i = 0; i < WORDS; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

INLINE void copy(u64 *to, const u64 *from)
{
	u32 i;
	for (i = 0; i < WORDS; i++)
		to[i] = from[i];
}

NOINLINE void flush(struct worker *w);

/* A successor of the state that is being expanded. */
INLINE void emit(struct worker *w, u32 action, u32 actor, const u64 *t)
{
	u64 n = w->n, h = hash_end(hash_next(w, t));
	u64 *recent = w->recent + (h & (RECENT - 1)) * WORDS;
	w->taken[action]++;
	if (w->mode == SEARCH) {
		if (same(recent, t))
			return;
		copy(recent, t);
	} else {
		w->actors[n] = actor;
	}
	copy(w->batch + n * WORDS, t);
	w->hashes[n] = h;
	w->sources[n] = (u32)w->source;
	PREFETCH(w->sh->slots + slot_of(h, w->sh->slot_count));
	w->n = n + 1;
	if (RARE(n + 1 >= BATCH))
		flush(w);
}

/* SWEEP: a step that goes on to the target; `to` is END when it shows the target itself. */
#define END 0xFFFFFFFFU
static void edge(struct worker *w, u32 from, u32 to, u32 actor)
{
	u32 *e = w->edges + 3 * w->edge_count;
	if (w->edge_count++ >= w->edge_capacity)
		return;
	e[0] = from;
	e[1] = to;
	e[2] = actor;
}

/* A property is violated (or reached) at the state t, or in a step from it.  What is wrong with a state in
 * which nothing can happen has numbers from STUCK on: its runs are one step shorter than those of what
 * else is seen while a state is expanded. */
NOINLINE void found(struct worker *w, u32 property, u32 site, const u64 *t)
{
	u64 *r = w->found + (u64)property * RECORD;
	u32 i;
	if (w->mode == SWEEP || w->mode == JUDGE) {
		if (property == w->target) {
			w->hit = 1;
			if (w->mode == SWEEP)
				edge(w, (u32)w->source, END, (u32)w->actor);
		}
		return;
	}
	if (w->sh->decided[property] || (w->mode == PROBE && property < STUCK))
		return;
	if (r[0]) {
		for (i = 0; i < WORDS && t[i] == r[2 + i]; i++)
			;
		if (i == WORDS || t[i] > r[2 + i])
			return;
	}
	r[0] = 1;
	r[1] = site;
	copy(r + 2, t);
}

