

byte rm[N]; byte tm; bit tmp_[N]; bit mp[N]; bit mc; bit ma;
#define i _pid
active [N] proctype R() {
 do
 :: d_step { tm==0 && mp[i]; if :: !tmp_[i] -> tmp_[i]=1 :: else fi }
 :: d_step { rm[i]==0; rm[i]=1; mp[i]=1 }
 :: d_step { rm[i]==0; rm[i]=3 }
 :: d_step { mc; rm[i]=2 }
 :: d_step { ma; rm[i]=3 }
 od
}
active proctype TM() {
 do
 :: d_step { tm==0 && @ALLP@; tm=1; mc=1 }
 :: d_step { tm==0; tm=2; ma=1 }
 od
}
