#include "textflag.h"
#include "start_linux.h"

TEXT ·enter(SB), NOSPLIT|NOFRAME, $0
	MOVD	$261, R8	// prlimit64 of this process
	MOVD	$0, R0
	MOVD	$ADDRESS_SPACE, R1
	MOVD	$0, R2
	SUB	$32, RSP, R3
	SVC
	CBNZ	R0, files	// it cannot be told: the runtime decides
	MOVD	-32(RSP), R4	// the soft limit
	MOVD	$LEAST_BYTES, R5
	CMP	R5, R4
	BLO	refuse

files:
	MOVD	$261, R8
	MOVD	$0, R0
	MOVD	$OPEN_FILES, R1
	MOVD	$0, R2
	SUB	$32, RSP, R3
	SVC
	CBNZ	R0, begin
	MOVD	-24(RSP), R4	// the hard limit: Go raises the other one to it
	MOVD	$LEAST_FILES, R5
	CMP	R5, R4
	BLO	refuse

begin:
	JMP	_rt0_arm64_linux(SB)

refuse:
	MOVD	$64, R8		// write
	MOVD	$2, R0
	MOVD	$·limits(SB), R1
	MOVD	$LIMITS_LENGTH, R2
	SVC
	MOVD	$94, R8		// exit_group
	MOVD	$125, R0
	SVC
	BRK	$0
