/* The filter lock of Peterson for N processes; waiting is one look at all others. */
byte level[N];
byte victim[N];
#define i _pid
active [N] proctype P()
{
	byte l;
L0:	l = 1;
L1:	if
	:: d_step { l > 0; level[i] = l };
	   d_step { victim[l] = i };
	   d_step { victim[l] != i || @FREE@; l++; if :: l == N -> l = 0 :: else fi };
	   goto L1
	:: d_step { l == 0; level[i] = 0 }; goto L0
	fi
}
ltl leaves { [] ((level[0] > 0) -> <> (level[0] == 0)) }
