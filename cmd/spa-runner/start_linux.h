// What enter looks at, and what it says. The numbers are those of Linux, on all machines.
#define DATA_SEGMENT 2
#define OPEN_FILES 7
#define ADDRESS_SPACE 9

// The runtime of Go reserves up to 1.2 GB of addresses before it begins, most of which it
// never uses. With somewhat less it goes without a half of that, or ends with exit code 2,
// which depends on what the limit leaves by chance.
#define LEAST_ADDRESSES 0x60000000
// It begins with 64 MB of memory that it may write to.
#define LEAST_DATA 0x8000000
// With 28 the stand-in of dry-run can still start git; less would be taken for an outage of it.
#define LEAST_FILES 64

#define LIMITS_LENGTH 172

DATA ·limits+0(SB)/8, $"spa-runn"
DATA ·limits+8(SB)/8, $"er: the "
DATA ·limits+16(SB)/8, $"limits o"
DATA ·limits+24(SB)/8, $"f this p"
DATA ·limits+32(SB)/8, $"rocess a"
DATA ·limits+40(SB)/8, $"re too l"
DATA ·limits+48(SB)/8, $"ow: rais"
DATA ·limits+56(SB)/8, $"e them t"
DATA ·limits+64(SB)/8, $"o at lea"
DATA ·limits+72(SB)/8, $"st 1536 "
DATA ·limits+80(SB)/8, $"MiB of a"
DATA ·limits+88(SB)/8, $"ddress s"
DATA ·limits+96(SB)/8, $"pace (ul"
DATA ·limits+104(SB)/8, $"imit -v)"
DATA ·limits+112(SB)/8, $", 128 Mi"
DATA ·limits+120(SB)/8, $"B of dat"
DATA ·limits+128(SB)/8, $"a (ulimi"
DATA ·limits+136(SB)/8, $"t -d) an"
DATA ·limits+144(SB)/8, $"d 64 ope"
DATA ·limits+152(SB)/8, $"n files "
DATA ·limits+160(SB)/8, $"(ulimit "
DATA ·limits+168(SB)/4, $"-n)\n"
GLOBL ·limits(SB), RODATA|NOPTR, $172
