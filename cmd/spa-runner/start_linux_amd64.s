#include "textflag.h"
#include "start_linux.h"

// TOO_LOW goes to refuse if a limit of this process is below least. Place is where the soft
// (-32) or the hard limit (-24) is. If it cannot be told, the runtime decides.
#define TOO_LOW(limit, place, least, next) \
	MOVQ	$302, AX \ // prlimit64
	XORQ	DI, DI \
	MOVQ	$limit, SI \
	XORQ	DX, DX \
	LEAQ	-32(SP), R10 \
	SYSCALL \
	CMPQ	AX, $0 \
	JNE	next \
	MOVQ	$least, CX \
	CMPQ	place(SP), CX \
	JLO	refuse

TEXT ·enter(SB), NOSPLIT|NOFRAME, $0
	TOO_LOW(ADDRESS_SPACE, -32, LEAST_ADDRESSES, data)

data:
	TOO_LOW(DATA_SEGMENT, -32, LEAST_DATA, files)

files:
	TOO_LOW(OPEN_FILES, -24, LEAST_FILES, begin)	// Go raises the soft limit to the hard one

begin:
	JMP	_rt0_amd64_linux(SB)

refuse:
	MOVQ	$1, AX		// write
	MOVQ	$2, DI
	LEAQ	·limits(SB), SI
	MOVQ	$LIMITS_LENGTH, DX
	SYSCALL
	MOVQ	$231, AX	// exit_group
	MOVQ	$125, DI
	SYSCALL
	INT	$3
