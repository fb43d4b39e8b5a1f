/* The graph of a finished search: all steps, by number of state, and what can be taken in each state.
 *
 * Comes before the functions of actions, which call `able` for a unit (an action with its arguments) that can
 * take a step, and `stage` for each successor.  A unit has a kind: units that no fairness constraint and no
 * formula tells apart have the same.  Kind 0 is that nothing can happen.
 *
 * Generated before this: FAIR, the words of a set of fairness constraints. */

typedef unsigned short u16;

struct graph {
	u64 *ends;		/* the steps from state s are ends[s] .. ends[s + 1] - 1: */
	u32 *targets;		/* where they lead, */
	u16 *kinds;		/* and what they are */
	u64 count;		/* steps so far */
	u64 capacity;		/* room for so many */
	const u16 *kind_of;	/* the kind of each unit */
	const u64 *serves;	/* the constraints of which a kind is a step: FAIR words each */
	u64 *enabled;		/* the constraints of which a step can be taken: FAIR words for each state */
	u64 lost;		/* successors that the search has not reached, or for which there is no room */
};

#ifndef STORED
#define STORED WORDS
#define state_of(sh, id, room) ((sh)->states + (id) * WORDS)
#endif

enum { WAITING = 64 };

static struct graph *graph;
static u64 waiting_states[WAITING * WORDS];
static u64 waiting_hashes[WAITING];
static u32 waiting_sources[WAITING];
static u16 waiting_kinds[WAITING];
static u32 waiting;

NOINLINE void settle(struct worker *w);

INLINE void able(struct worker *w, u32 unit)
{
	const u64 *set = graph->serves + (u64)graph->kind_of[unit] * FAIR;
	u64 *enabled = graph->enabled + w->source * FAIR;
	u32 k;
	for (k = 0; k < FAIR; k++)
		enabled[k] |= set[k];
}

INLINE void wait_for(struct worker *w, u32 kind, const u64 *t, u64 h)
{
	copy(waiting_states + waiting * WORDS, t);
	waiting_hashes[waiting] = h;
	waiting_sources[waiting] = (u32)w->source;
	waiting_kinds[waiting] = (u16)kind;
	PREFETCH(w->sh->slots + slot_of(h, w->sh->slot_count));
	if (++waiting == WAITING)
		settle(w);
}

INLINE void stage(struct worker *w, u32 unit, u32 action, u32 actor, const u64 *t)
{
	(void)action;
	(void)actor;
	wait_for(w, graph->kind_of[unit], t, hash_end(hash_next(w, t)));
}

/* In the state `s` nothing can happen. */
INLINE void stay(struct worker *w, const u64 *s)
{
	wait_for(w, 0, s, hash_end(hash_sum(s)));
}

#define reduce(w, s) ((void)0)
