// What enter looks at, and what it says. The numbers are those of Linux, on all machines.
#define ADDRESS_SPACE 9
#define OPEN_FILES 7

// The runtime of Go reserves about 600 MB of addresses before it begins, most of which it never uses.
#define LEAST_BYTES 0x30000000
#define LEAST_FILES 16

#define LIMITS_LENGTH 142

DATA ·limits+0(SB)/8, $"spa-runn"
DATA ·limits+8(SB)/8, $"er: the "
DATA ·limits+16(SB)/8, $"limits o"
DATA ·limits+24(SB)/8, $"f this p"
DATA ·limits+32(SB)/8, $"rocess a"
DATA ·limits+40(SB)/8, $"re too l"
DATA ·limits+48(SB)/8, $"ow: rais"
DATA ·limits+56(SB)/8, $"e them t"
DATA ·limits+64(SB)/8, $"o at lea"
DATA ·limits+72(SB)/8, $"st 768 M"
DATA ·limits+80(SB)/8, $"iB of ad"
DATA ·limits+88(SB)/8, $"dress sp"
DATA ·limits+96(SB)/8, $"ace (uli"
DATA ·limits+104(SB)/8, $"mit -v) "
DATA ·limits+112(SB)/8, $"and 16 o"
DATA ·limits+120(SB)/8, $"pen file"
DATA ·limits+128(SB)/8, $"s (ulimi"
DATA ·limits+136(SB)/6, $"t -n)\n"
GLOBL ·limits(SB), RODATA|NOPTR, $142
