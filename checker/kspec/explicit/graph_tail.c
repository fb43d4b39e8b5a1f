/* What the host calls to make the graph, and the search for behaviours in its product with an automaton.
 *
 * A node is a state and a state of the automaton, numbered state * Q + q.  Components are found by the method
 * of D. Pearce, "A space-efficient algorithm for finding strongly connected components", Information
 * Processing Letters 116 (2016).  A component in which a fair and accepted behaviour can stay is a fair region.
 * Where something strongly fair can be taken but is not, the nodes at which it can are removed, and what is left
 * is looked at again (Emerson and Lei, 1987). */

NOINLINE void settle(struct worker *w)
{
	struct shared *sh = w->sh;
	struct graph *g = graph;
	u64 e, k;
	u32 i;
	for (i = 0; i < waiting; i++) {
		e = LOAD(sh->slots + slot_of(waiting_hashes[i], sh->slot_count));
		if (e && (u32)(e >> 32) == (u32)waiting_hashes[i])
			PREFETCH(sh->states + (u64)((u32)e - 1) * STORED);
	}
	for (i = 0; i < waiting; i++) {
		k = number_of(sh, waiting_states + i * WORDS, waiting_hashes[i]);
		if (!k || g->count >= g->capacity) {
			g->lost++;
			continue;
		}
		g->targets[g->count] = (u32)(k - 1);
		g->kinds[g->count] = waiting_kinds[i];
		g->ends[waiting_sources[i] + 1] = ++g->count;
	}
	waiting = 0;
}

/* The steps from the states from..to-1, which come after those of the states before. */
i32 kspec_graph(struct worker *w, struct graph *g, u64 from, u64 to)
{
	u64 s, room[WORDS];
	(void)room;
	graph = g;
	waiting = 0;
	for (s = from; s < to && !w->broken; s++) {
		visit(w, s);
		if (!w->alive)
			stay(w, state_of(w->sh, s, room));
	}
	settle(w);
	for (s = from; s < to; s++)
		if (g->ends[s + 1] < g->ends[s])
			g->ends[s + 1] = g->ends[s];
	return w->broken ? WORK_BROKEN : WORK_DONE;
}

/* Which conditions of a claim are true in the states from..to-1. */
void kspec_letters(struct worker *w, u64 claim, u64 from, u64 to, u64 *out)
{
	u64 room[WORDS];
	(void)room;
	for (; from < to; from++)
		out[from] = letter(w, claim, state_of(w->sh, from, room));
}

struct arc {
	u64 need, value, to, marks;
};

struct frame {
	u64 node, edge;		/* the next step to look at, */
	u32 arc;		/* and the next arc for it */
	u32 root;
};

struct product {
	struct graph *g;
	const u64 *letters;	/* conditions that are true, by state */
	const u64 *taken;	/* step atoms that are true, by kind */
	const struct arc *arcs;	/* of all states of the automaton; */
	const u64 *rows;	/* those of q are rows[q] .. rows[q + 1] - 1 */
	u64 q;			/* Q */
	u64 all_marks;
	const u64 *weak;	/* FAIR words: constraints of this kind */
	const u64 *strong;
	u32 *numbers;		/* of nodes: 0 not seen; then Pearce's rindex */
	u32 *regions;		/* of nodes: 0 none, FOUND and a number, or the number of a part to be looked at again */
	struct frame *frames;	/* open calls */
	u64 depth;
	u32 *stack;		/* nodes of open components */
	u64 height;
	u32 *again;		/* nodes to be looked at again */
	u64 agains;
	u64 index, component;	/* Pearce's counters */
	u64 part;		/* numbers of regions given so far */
	u64 found;		/* fair regions */
	u64 restricted;		/* only steps within a part count */
	u64 next;		/* the next root: a state, or an entry of `again` */
	u64 end;		/* of the roots */
	u64 lurking;		/* in state 0 the automaton can wait for ever, and it cannot come back to it */
	u64 edge, arc;		/* lurking: where the roots of state `next` go on */
	u64 nodes;		/* seen, for the statistics */
};

#define FOUND 0x80000000U

INLINE i32 fits(const struct product *p, u64 state, u64 edge, const struct arc *a)
{
	u64 letter = p->letters[state] | p->taken[p->g->kinds[edge]];
	return (letter & a->need) == a->value;
}

INLINE u64 target(const struct product *p, u64 edge, const struct arc *a)
{
	return (u64)p->g->targets[edge] * p->q + a->to;
}

/* Whether a step leads to a node of the same part. */
INLINE i32 within_part(const struct product *p, u64 from, u64 to)
{
	return !p->restricted || p->regions[from] == p->regions[to];
}

/* The nodes stack[bottom] .. are a component, all numbered `number`.  Marks them as a fair region, or puts what is
 * left of them on the list of those to be looked at again. */
NOINLINE void judge_component(struct product *p, u64 bottom, u32 number)
{
	const struct graph *g = p->g;
	u64 marks = 0, inner = 0, served[FAIR], always[FAIR], sometimes[FAIR], bad[FAIR], any, i, k, e, x, v, s, t;
	const u64 *able;
	for (k = 0; k < FAIR; k++) {
		served[k] = sometimes[k] = 0;
		always[k] = ~0ULL;
	}
	for (i = bottom; i < p->height; i++) {
		v = p->stack[i];
		s = v / p->q;
		able = g->enabled + s * FAIR;
		for (k = 0; k < FAIR; k++) {
			always[k] &= able[k];
			sometimes[k] |= able[k];
		}
		for (e = g->ends[s]; e < g->ends[s + 1]; e++)
			for (x = p->rows[v % p->q]; x < p->rows[v % p->q + 1]; x++) {
				if (!fits(p, s, e, p->arcs + x))
					continue;
				t = target(p, e, p->arcs + x);
				if (p->numbers[t] != number || !within_part(p, v, t))
					continue;
				inner = 1;
				marks |= p->arcs[x].marks;
				for (k = 0; k < FAIR; k++)
					served[k] |= g->serves[(u64)g->kinds[e] * FAIR + k];
			}
	}
	if (!inner || marks != p->all_marks)
		return;
	for (any = k = 0; k < FAIR; k++) {
		if (always[k] & p->weak[k] & ~served[k])
			return;
		bad[k] = sometimes[k] & p->strong[k] & ~served[k];
		any |= bad[k];
	}
	p->part++;
	p->found += !any;
	for (i = bottom; i < p->height; i++) {
		v = p->stack[i];
		able = g->enabled + v / p->q * FAIR;
		for (x = k = 0; k < FAIR; k++)
			x |= able[k] & bad[k];
		if (!any) {
			p->regions[v] = FOUND | (u32)p->part;
		} else if (!x) {
			p->regions[v] = (u32)p->part;
			p->again[p->agains++] = (u32)v;
		} else {
			p->regions[v] = 0;
		}
	}
}

INLINE void open_node(struct product *p, u64 v)
{
	struct frame *f = p->frames + p->depth++;
	f->node = v;
	f->edge = p->g->ends[v / p->q];
	f->arc = 0;
	f->root = 1;
	p->numbers[v] = (u32)p->index++;
	p->nodes++;
}

/* Goes on with the open calls for at most `steps` steps; returns how many are left. */
INLINE u64 explore(struct product *p, u64 steps)
{
	const struct graph *g = p->g;
	struct frame *f;
	const struct arc *a;
	u64 v, s, t, first, count;
	while (p->depth && steps) {
		f = p->frames + p->depth - 1;
		v = f->node;
		s = v / p->q;
		first = p->rows[v % p->q];
		count = p->rows[v % p->q + 1] - first;
		t = ~0ULL;
		for (; f->edge < g->ends[s + 1]; f->edge++, f->arc = 0) {
			steps -= steps > 0;
			for (; f->arc < count; f->arc++) {
				a = p->arcs + first + f->arc;
				if (!fits(p, s, f->edge, a))
					continue;
				t = target(p, f->edge, a);
				if (!within_part(p, v, t))
					continue;
				if (!p->numbers[t])
					goto deeper;
				if (p->numbers[t] < p->numbers[v]) {
					p->numbers[v] = p->numbers[t];
					f->root = 0;
				}
			}
		}
		p->depth--;
		if (f->root) {
			u64 bottom = p->height;
			while (bottom && p->numbers[v] <= p->numbers[p->stack[bottom - 1]])
				bottom--;
			p->stack[p->height++] = (u32)v;
			p->index -= p->height - bottom;
			for (t = bottom; t < p->height; t++)
				p->numbers[p->stack[t]] = (u32)p->component;
			judge_component(p, bottom, (u32)p->component);
			p->component--;
			p->height = bottom;
		} else {
			p->stack[p->height++] = (u32)v;
		}
		if (p->depth) {
			f = p->frames + p->depth - 1;
			if (p->numbers[v] < p->numbers[f->node]) {
				p->numbers[f->node] = p->numbers[v];
				f->root = 0;
			}
			f->arc++;
		}
		continue;
deeper:
		open_node(p, t);
	}
	return steps;
}

/* The next node from which nothing was looked at; 0 when there is none. */
INLINE i32 next_root(struct product *p)
{
	const struct graph *g = p->g;
	u64 v;
	for (; p->next < p->end; p->next++) {
		if (p->restricted) {
			v = p->again[p->next];
			if (p->numbers[v])
				continue;
			open_node(p, v);
			p->next++;
			return 1;
		}
		if (!p->lurking) {
			v = p->next * p->q;
			if (p->numbers[v])
				continue;
			open_node(p, v);
			p->next++;
			return 1;
		}
		if (!p->edge)
			p->edge = g->ends[p->next];
		for (; p->edge < g->ends[p->next + 1]; p->edge++, p->arc = 0)
			for (; p->arc < p->rows[1]; p->arc++) {
				const struct arc *a = p->arcs + p->arc;
				if (!a->to || !fits(p, p->next, p->edge, a))
					continue;
				v = target(p, p->edge, a);
				if (p->numbers[v])
					continue;
				open_node(p, v);
				p->arc++;
				return 1;
			}
		p->edge = 0;
	}
	return 0;
}

/* Looks for fair regions, `steps` steps at most; WORK_DONE at the end. */
i32 kspec_regions(struct product *p, u64 steps)
{
	u64 i, n, last;
	for (;;) {
		steps = explore(p, steps);
		if (p->depth || !steps)
			return WORK_SLICE;
		if (next_root(p))
			continue;
		if (p->restricted && !p->agains)
			return WORK_DONE;
		last = p->restricted ? p->end : 0;
		if (!p->restricted && !p->agains)
			return WORK_DONE;
		/* What was put on the list since this round began is the next round. */
		n = p->agains - last;
		if (!n)
			return WORK_DONE;
		for (i = 0; i < n; i++) {
			p->again[i] = p->again[last + i];
			p->numbers[p->again[i]] = 0;
		}
		p->agains = n;
		p->restricted = 1;
		p->next = 0;
		p->end = n;
		p->index = 1;
		p->component = 0xFFFFFFFEU;
	}
}

struct wish {
	u64 marks;		/* any of these acceptance sets, */
	const u64 *served;	/* FAIR words: a step of any of these constraints, */
	const u64 *resting;	/* FAIR words: a state in which any of these cannot be taken; */
	u64 node;		/* or this node (~0: none) */
	u64 region;		/* stay in this region (0: go to any fair one) */
};

INLINE i32 granted(const struct product *p, const struct wish *x, u64 v, u64 e, const struct arc *a, u64 t)
{
	const struct graph *g = p->g;
	u64 k;
	if (!x->region)
		return (p->regions[t] & FOUND) != 0;
	if (t == x->node || (a->marks & x->marks))
		return 1;
	for (k = 0; k < FAIR; k++)
		if ((g->serves[(u64)g->kinds[e] * FAIR + k] & x->served[k]) ||
		    (~g->enabled[v / p->q * FAIR + k] & x->resting[k]))
			return 1;
	return 0;
}

/* A shortest path from one of the nodes in stack[0] .. stack[from - 1] that ends with a step as wished.  `numbers` must
 * be zero.  The path is put into `out`: for each step the node, the step, the arc, and the node after it; its
 * length is returned, 0 when there is none.  Afterwards `numbers` is zero again. */
u64 kspec_path(struct product *p, const struct wish *x, u64 from, u64 *out, u64 capacity)
{
	const struct graph *g = p->g;
	u64 head, tail = from, v, s, e, i, t, n = 0, at, before;
	u32 *queue = p->stack;
	for (i = 0; i < from; i++)
		p->numbers[queue[i]] = queue[i] + 1;
	for (head = 0; head < tail; head++) {
		v = queue[head];
		s = v / p->q;
		for (e = g->ends[s]; e < g->ends[s + 1]; e++)
			for (i = p->rows[v % p->q]; i < p->rows[v % p->q + 1]; i++) {
				if (!fits(p, s, e, p->arcs + i))
					continue;
				t = target(p, e, p->arcs + i);
				if (x->region && p->regions[t] != x->region)
					continue;
				if (granted(p, x, v, e, p->arcs + i, t))
					goto there;
				if (p->numbers[t])
					continue;
				p->numbers[t] = (u32)v + 1;
				queue[tail++] = (u32)t;
			}
	}
	goto clear;
there:
	for (n = 1, at = v; p->numbers[at] != at + 1; at = p->numbers[at] - 1)
		n++;
	if (n > capacity)
		goto clear;
	out[4 * n - 4] = v;
	out[4 * n - 3] = e;
	out[4 * n - 2] = i;
	out[4 * n - 1] = t;
	for (head = n - 1; head > 0; head--) {
		at = out[4 * head];
		before = p->numbers[at] - 1;
		for (e = g->ends[before / p->q]; e < g->ends[before / p->q + 1]; e++)
			for (i = p->rows[before % p->q]; i < p->rows[before % p->q + 1]; i++)
				if (fits(p, before / p->q, e, p->arcs + i) && target(p, e, p->arcs + i) == at)
					goto step;
step:
		out[4 * head - 4] = before;
		out[4 * head - 3] = e;
		out[4 * head - 2] = i;
		out[4 * head - 1] = at;
	}
clear:
	for (i = 0; i < tail; i++)
		p->numbers[queue[i]] = 0;
	return n;
}
