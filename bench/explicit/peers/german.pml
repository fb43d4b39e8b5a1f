byte cs[N]; bit cd[N]; byte ch1[N]; byte ch2[N]; bit ch2d[N]; bit ch3[N]; bit ch3d[N];
bit inv[N]; bit shr[N]; bit cur[N]; bit ex; byte cmd; bit mem; bit aux;
#define p _pid
inline cpy() { q=0; do :: q<N -> inv[q]=shr[q]; q++ :: else -> break od; q=0 }
active [N] proctype Node() { byte q;
 do
 :: d_step { ch1[p]==0 && cs[p]==0; ch1[p]=1 }
 :: d_step { ch1[p]==0 && cs[p]!=2; ch1[p]=2 }
 :: d_step { cmd==0 && ch1[p]==1; cmd=1; cur[p]=1; ch1[p]=0; cpy() }
 :: d_step { cmd==0 && ch1[p]==2; cmd=2; cur[p]=1; ch1[p]=0; cpy() }
 :: d_step { ch2[p]==0 && inv[p] && (cmd==2 || (cmd==1 && ex)); ch2[p]=1; inv[p]=0 }
 :: d_step { ch2[p]==1 && !ch3[p]; ch2[p]=0; ch3[p]=1; if :: cs[p]==2 -> ch3d[p]=cd[p] :: else fi; cs[p]=0; cd[p]=0 }
 :: d_step { ch3[p] && cmd!=0; ch3[p]=0; shr[p]=0; if :: ex -> ex=0; mem=ch3d[p] :: else fi; ch3d[p]=0 }
 :: d_step { cmd==1 && cur[p] && ch2[p]==0 && !ex; ch2[p]=2; ch2d[p]=mem; shr[p]=1; cmd=0; cur[p]=0 }
 :: d_step { cmd==2 && cur[p] && ch2[p]==0 && !ex && @NOSHR@; ch2[p]=3; ch2d[p]=mem; shr[p]=1; ex=1; cmd=0; cur[p]=0 }
 :: d_step { ch2[p]==2; cs[p]=1; cd[p]=ch2d[p]; ch2[p]=0; ch2d[p]=0 }
 :: d_step { ch2[p]==3; cs[p]=2; cd[p]=ch2d[p]; ch2[p]=0; ch2d[p]=0 }
 :: d_step { cs[p]==2; cd[p]=0; aux=0 }
 :: d_step { cs[p]==2; cd[p]=1; aux=1 }
 od
}
