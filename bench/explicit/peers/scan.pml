/* The filter lock of Peterson for N processes that look at one another one at a time. */
byte pos[N];
byte step[N];
#define i _pid
active [N] proctype P()
{
	byte j;
	byte k;
NCS:	j = 1;
WAIT:	if
	:: d_step { j < N; pos[i] = j };
	   d_step { step[j - 1] = i; k = 0 };
Q3:	   if
	   :: d_step { k < N && (k == i || pos[k] < j); k++ }; goto Q3
	   :: d_step { step[j - 1] != i || k == N; j++ }; goto WAIT
	   fi
	:: j == N ->
CS:	   pos[i] = 0; goto NCS
	fi
}
