#include "textflag.h"
#include "start_linux.h"

TEXT ·enter(SB), NOSPLIT|NOFRAME, $0
	MOVQ	$302, AX	// prlimit64 of this process
	XORQ	DI, DI
	MOVQ	$ADDRESS_SPACE, SI
	XORQ	DX, DX
	LEAQ	-32(SP), R10
	SYSCALL
	CMPQ	AX, $0
	JNE	files		// it cannot be told: the runtime decides
	MOVQ	$LEAST_BYTES, CX
	CMPQ	-32(SP), CX	// the soft limit
	JLO	refuse

files:
	MOVQ	$302, AX
	XORQ	DI, DI
	MOVQ	$OPEN_FILES, SI
	XORQ	DX, DX
	LEAQ	-32(SP), R10
	SYSCALL
	CMPQ	AX, $0
	JNE	begin
	MOVQ	$LEAST_FILES, CX
	CMPQ	-24(SP), CX	// the hard limit: Go raises the other one to it
	JLO	refuse

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
