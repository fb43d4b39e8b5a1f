/* Dining philosophers, left fork first. */
bit fork[N];
#define i _pid
active [N] proctype P()
{
	do
	:: d_step { fork[i] == 0; fork[i] = 1 };
	   d_step { fork[(i + 1) % N] == 0; fork[(i + 1) % N] = 1 };
	   fork[i] = 0;
	   fork[(i + 1) % N] = 0
	od
}
