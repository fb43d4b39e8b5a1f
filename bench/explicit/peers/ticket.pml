/* A ticket lock: N processes, 2N tickets. */
byte next;
byte serving;
active [N] proctype P()
{
	byte mine;
	do
	:: d_step { mine = next; next = (next + 1) % (2 * N) };
	   serving == mine;
	   d_step { serving = (serving + 1) % (2 * N); mine = 0 }
	od
}
