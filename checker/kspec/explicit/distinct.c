/*
 * Counts distinct states of which only some bits are looked at: exactly up to half the slots, beyond that
 * by adaptive sampling (Wegman; analysed by Flajolet, "On adaptive sampling", Computing 43, 1990): only
 * values whose hash ends in so many zeros are kept, and each time there are too many, one zero more is asked for.
 */
typedef unsigned long long u64;

struct counter {
	u64 slots;	/* a power of two */
	u64 used;
	u64 zeros;
	u64 *table;	/* 2 * slots; the second half is for moving */
};

static u64 mix(u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void enter(struct counter *c, u64 hash)
{
	u64 at = (hash >> 32) & (c->slots - 1);

	while (c->table[at]) {
		if (c->table[at] == hash)
			return;
		at = (at + 1) & (c->slots - 1);
	}
	c->table[at] = hash;
	c->used++;
}

static void thin(struct counter *c)
{
	u64 *kept = c->table + c->slots, n = 0, i;

	c->zeros++;
	for (i = 0; i < c->slots; i++) {
		if (c->table[i] && !(c->table[i] & ((1ULL << c->zeros) - 1)))
			kept[n++] = c->table[i];
		c->table[i] = 0;
	}
	c->used = 0;
	for (i = 0; i < n; i++)
		enter(c, kept[i]);
}

void kspec_distinct(struct counter *c, const u64 *states, u64 count, u64 words, const u64 *mask)
{
	u64 i, j, hash;

	for (i = 0; i < count; i++, states += words) {
		hash = 0x9e3779b97f4a7c15ULL;
		for (j = 0; j < words; j++)
			hash = mix(hash ^ (states[j] & mask[j])) + 0x632be59bd9b4e019ULL;
		hash = mix(hash);
		if (!hash)	/* 0 is an empty slot */
			hash = 1ULL << 63;
		if (hash & ((1ULL << c->zeros) - 1))
			continue;
		enter(c, hash);
		while (c->used * 2 > c->slots)
			thin(c);
	}
}
