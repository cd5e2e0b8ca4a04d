# SPDX-License-Identifier: MIT
# What zkchurn's program does with its maps for each connection, and nothing else: run by
# BPF_PROG_TEST_RUN on one processor, and on several at once.
# Helpers by their numbers in include/uapi/linux/bpf.h: 1 map_lookup_elem, 2 map_update_elem,
# 3 map_delete_elem, 7 get_prandom_u32, 130 ringbuf_output.
.section xdp,"ax",@progbits

# What a run costs that does nothing.
.globl nothing
.type nothing,@function
nothing:
    r0 = 2
    exit
.size nothing, .-nothing

# An entry is made, looked up three times and deleted, as for a connection that a client closes.
.globl table
.type table,@function
table:
    w1 = 0
    *(u32 *)(r10 - 12) = w1
    r2 = r10
    r2 += -12
    r1 = RECORD ll
    call 1
    if r0 == 0 goto table_end
    r6 = r0
    call 7
    *(u64 *)(r10 - 8) = r0
    r2 = r10
    r2 += -8
    r3 = r6
    r4 = 0
    r1 = CONNECTIONS ll
    call 2
    r2 = r10
    r2 += -8
    r1 = CONNECTIONS ll
    call 1
    r2 = r10
    r2 += -8
    r1 = CONNECTIONS ll
    call 1
    r2 = r10
    r2 += -8
    r1 = CONNECTIONS ll
    call 1
    r2 = r10
    r2 += -8
    r1 = CONNECTIONS ll
    call 3
table_end:
    r0 = 2
    exit
.size table, .-table

# A record goes into the ring buffer, whose reader polls (BPF_RB_NO_WAKEUP is 1).
.globl ring
.type ring,@function
ring:
    w1 = 0
    *(u32 *)(r10 - 12) = w1
    r2 = r10
    r2 += -12
    r1 = RECORD ll
    call 1
    if r0 == 0 goto ring_end
    r2 = r0
    r3 = 312
    r4 = 1
    r1 = RECORDS ll
    call 130
    if r0 != 0 goto ring_full
ring_end:
    r0 = 2
    exit
# Nobody takes records out, so a run that is too long ends up here: it measures nothing.
ring_full:
    r0 = 0
    exit
.size ring, .-ring

# struct bpf_map_def: type, size of a key and of a value, entries, flags, id, pinning.
.section maps,"aw",@progbits
.globl RECORD
.type RECORD,@object
RECORD:
    .long 6, 4, 312, 1, 0, 0, 0
.size RECORD, 28
.globl CONNECTIONS
.type CONNECTIONS,@object
CONNECTIONS:
    .long 1, 8, 312, 65536, 0, 0, 0
.size CONNECTIONS, 28
.globl RECORDS
.type RECORDS,@object
RECORDS:
    .long 27, 0, 0, 268435456, 0, 0, 0
.size RECORDS, 28

.section license,"aw",@progbits
.asciz "Dual MIT/GPL"
