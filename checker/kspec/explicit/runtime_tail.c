/* The fixed part of a native explorer that comes after the code of the model: the table, and what the
 * host calls. */

/* Looks one successor up and stores it when it is new; 0 when the table has to grow first. */
INLINE i32 insert(struct worker *w, const u64 *t, u64 h, u32 source)
{
	struct shared *sh = w->sh;
	u64 at = slot_of(h, sh->slot_count), e, id, stored = 0, room[WORDS];
	for (;;) {
		e = LOAD(sh->slots + at);
		if (!e) {
			if (RARE(!fold(sh, t, &stored)))
				return 0;
			if (w->held == w->held_end) {
				if (RARE(PEEK(&sh->count) >= sh->room))
					return 0;
				w->held = ADD(&sh->count, THREADS ? HELD : 1);
				w->held_end = w->held + (THREADS ? HELD : 1);
			}
			id = w->held;
			put(sh, id, t, stored);
			sh->parents[id] = source;
			if (take_slot(sh->slots + at, entry_of(h, id))) {
				w->held++;
				look(w, t);
				return 1;
			}
			continue;
		}
		if ((u32)(e >> 32) == (u32)h && (LOSSY || same(state_of(sh, (u32)e - 1, room), t)))
			return 1;
		if (++at == sh->slot_count)
			at = 0;
	}
}

/* The number of a state plus one, 0 when it is not there. */
INLINE u64 number_of(const struct shared *sh, const u64 *t, u64 h)
{
	u64 at = slot_of(h, sh->slot_count), e, room[WORDS];
	for (;;) {
		e = LOAD(sh->slots + at);
		if (!e)
			return 0;
		if ((u32)(e >> 32) == (u32)h && (LOSSY || same(state_of(sh, (u32)e - 1, room), t)))
			return (u32)e;
		if (++at == sh->slot_count)
			at = 0;
	}
}

NOINLINE void flush(struct worker *w)
{
	struct shared *sh = w->sh;
	u64 i, k, e;
	for (i = 0; i < w->n; i++) {
		e = LOAD(sh->slots + slot_of(w->hashes[i], sh->slot_count));
		if (e && (u32)(e >> 32) == (u32)w->hashes[i])
			PREFETCH(sh->states + (u64)((u32)e - 1) * STORED);
	}
	if (w->mode != SEARCH) {
		for (i = 0; i < w->n && w->mode == SWEEP; i++) {
			k = number_of(sh, w->batch + i * WORDS, w->hashes[i]);
			if (k > w->first && PEEK(sh->marks + k - 1)) {
				MARK(sh->marks + w->sources[i]);
				edge(w, w->sources[i], (u32)(k - 1), w->actors[i]);
			}
		}
		w->n = 0;
		return;
	}
	for (i = 0; i < w->n; i++)
		if (RARE(!insert(w, w->batch + i * WORDS, w->hashes[i], w->sources[i])))
			break;
	/* What did not fit any more waits at the front of the batch; there is room for one more. */
	for (k = 0; i < w->n; k++, i++) {
		copy(w->batch + k * WORDS, w->batch + i * WORDS);
		w->hashes[k] = w->hashes[i];
		w->sources[k] = w->sources[i];
	}
	w->n = k;
	if (RARE(k + 1 >= w->capacity)) {
		w->broken = 2;
		w->n = 0;
	}
}

INLINE void visit(struct worker *w, u64 id)
{
	u64 room[WORDS];
	const u64 *s = state_of(w->sh, id, room);
	w->source = id;
	w->origin = s;
	if (WORDS >= 4)
		w->base = hash_sum(s);
	expand(w, s);
	if (STORED != WORDS)
		w->origin = start;	/* room ends here */
}

INLINE u64 recent_of(const u64 *t)
{
	return hash_end(hash_sum(t)) & (RECENT - 1);
}

/* Before anything else is done with a worker: the state of zeros must not look as if it had been seen, so
 * where it would be looked for there is a state that would be looked for elsewhere. */
void kspec_prepare(struct worker *w)
{
	u64 t[WORDS], at;
	u32 i;
	for (i = 0; i < WORDS; i++)
		t[i] = 0;
	at = recent_of(t);
	while (recent_of(t) == at)
		t[0]++;
	copy(w->recent + at * WORDS, t);
}

/* The initial states. */
i32 kspec_init(struct worker *w)
{
	w->source = 0;
	w->origin = start;
	w->base = hash_sum(start);
	initial(w, start);
	flush(w);
	return w->broken ? WORK_BROKEN : w->n ? WORK_GROW : WORK_DONE;
}

/* Expands at most `slice` states of the level. */
i32 kspec_work(struct worker *w, u64 slice)
{
	struct shared *sh = w->sh;
	flush(w);
	for (; !w->broken; slice--) {
		if (w->at == w->stop) {
			w->at = PEEK(&sh->next) < sh->end ? ADD(&sh->next, sh->chunk) : sh->end;
			if (w->at >= sh->end) {
				w->at = w->stop = sh->end;
				flush(w);
				return w->broken ? WORK_BROKEN : w->n ? WORK_GROW : WORK_DONE;
			}
			w->stop = w->at + sh->chunk < sh->end ? w->at + sh->chunk : sh->end;
		}
		if (!slice || w->n >= BATCH) {
			flush(w);
			if (w->n)
				return w->broken ? WORK_BROKEN : WORK_GROW;
			if (!slice)
				break;
		}
		visit(w, w->at++);
	}
	return w->broken ? WORK_BROKEN : WORK_SLICE;
}

/* Marks the states from..to-1 that have a marked successor numbered first or later, or from which a step
 * shows the target. */
i32 kspec_sweep(struct worker *w, u64 from, u64 to, u64 first, u64 target)
{
	w->mode = SWEEP;
	w->first = first;
	w->target = target;
	for (; from < to && !w->broken; from++) {
		w->hit = 0;
		visit(w, from);
		if (w->hit)
			MARK(w->sh->marks + from);
	}
	flush(w);
	w->mode = SEARCH;
	return w->broken ? WORK_BROKEN : WORK_DONE;
}

/* Marks the states from..to-1 that show the target themselves. */
i32 kspec_judge(struct worker *w, u64 from, u64 to, u64 target)
{
	u64 room[WORDS];
	w->mode = JUDGE;
	for (; from < to && !w->broken; from++) {
		w->hit = 0;
		w->target = target;
		look(w, state_of(w->sh, from, room));
		w->target = target + STUCK;
		visit(w, from);
		if (w->hit)
			MARK(w->sh->marks + from);
	}
	flush(w);
	w->mode = SEARCH;
	return w->broken ? WORK_BROKEN : WORK_DONE;
}

/* Notes what is wrong with those of the states from..to-1 in which nothing can happen. */
i32 kspec_probe(struct worker *w, u64 from, u64 to)
{
	w->mode = PROBE;
	for (; from < to && !w->broken; from++)
		visit(w, from);
	flush(w);
	w->mode = SEARCH;
	return w->broken ? WORK_BROKEN : WORK_DONE;
}

/* Puts the states from..to-1 into the (emptied) table, except the numbers in skip (ascending). */
void kspec_rebuild(struct shared *sh, u64 from, u64 to, const u64 *skip, u64 skips)
{
	u64 hashes[BATCH], room[WORDS], i, k, n, at;
	while (from < to) {
		n = to - from < BATCH ? to - from : BATCH;
		for (i = 0; i < n; i++) {
			hashes[i] = hash_end(hash_sum(state_of(sh, from + i, room)));
			PREFETCH(sh->slots + slot_of(hashes[i], sh->slot_count));
		}
		for (i = 0; i < n; i++) {
			if (skips && from + i >= skip[0]) {
				for (k = 0; k < skips && skip[k] != from + i; k++)
					;
				if (k < skips)
					continue;
			}
			at = slot_of(hashes[i], sh->slot_count);
			while (LOAD(sh->slots + at) || !take_slot(sh->slots + at, entry_of(hashes[i], from + i)))
				if (++at == sh->slot_count)
					at = 0;
		}
		from += n;
	}
}

/* Gives the state numbered `from` the number `to` (numbers that workers held in reserve leave holes, which
 * the last states fill). */
void kspec_move(struct shared *sh, u64 from, u64 to)
{
	u64 room[WORDS], h = hash_end(hash_sum(state_of(sh, from, room))), i, at = slot_of(h, sh->slot_count);
	while (sh->slots[at] != entry_of(h, from))
		if (++at == sh->slot_count)
			at = 0;
	sh->slots[at] = entry_of(h, to);
	for (i = 0; i < STORED; i++)
		sh->states[to * STORED + i] = sh->states[from * STORED + i];
	sh->parents[to] = sh->parents[from];
}

/* The number of a packed state plus one, 0 when it is not there. */
u64 kspec_find(const struct shared *sh, const u64 *t)
{
	return number_of(sh, t, hash_end(hash_sum(t)));
}

INLINE u64 finalise(u64 z)
{
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

/* The two lanes of the digest (kspec.system.packing) of the states from..to-1. */
void kspec_digest(const struct shared *sh, u64 from, u64 to, u64 *lanes)
{
	u64 x = 0, y = 0, a, b, room[WORDS];
	const u64 *t;
	u32 i;
	for (; from < to; from++) {
		t = state_of(sh, from, room);
		a = 0x9E3779B97F4A7C15ULL;
		b = 0xD1B54A32D192ED03ULL;
		for (i = 0; i < WORDS; i++) {
			a = finalise(a ^ t[i]);
			b = finalise(b ^ t[i]);
		}
		x ^= a;
		y ^= b;
	}
	lanes[0] = x;
	lanes[1] = y;
}
