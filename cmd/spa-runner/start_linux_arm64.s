#include "textflag.h"
#include "start_linux.h"

// TOO_LOW goes to refuse if a limit of this process is below least. Place is where the soft
// (-32) or the hard limit (-24) is. If it cannot be told, the runtime decides.
#define TOO_LOW(limit, place, least, next) \
	MOVD	$261, R8 \ // prlimit64
	MOVD	$0, R0 \
	MOVD	$limit, R1 \
	MOVD	$0, R2 \
	SUB	$32, RSP, R3 \
	SVC \
	CBNZ	R0, next \
	MOVD	place(RSP), R4 \
	MOVD	$least, R5 \
	CMP	R5, R4 \
	BLO	refuse

TEXT ·enter(SB), NOSPLIT|NOFRAME, $0
	TOO_LOW(ADDRESS_SPACE, -32, LEAST_ADDRESSES, data)

data:
	TOO_LOW(DATA_SEGMENT, -32, LEAST_DATA, files)

files:
	TOO_LOW(OPEN_FILES, -24, LEAST_FILES, begin)	// Go raises the soft limit to the hard one

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
