// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
import "C"

// Source is where events come from.
type Source uint32

// The socket's queue, or a ring buffer: see Options.Ring.
const (
	SourceSocket Source = C.CNPROC_SOURCE_SOCKET
	SourceRing   Source = C.CNPROC_SOURCE_RING
)

// Stats are counts since the listener was opened.
type Stats struct {
	Delivered, Lost, Trimmed, MaybeMuted, Forged, Malformed, Unknown, Acks uint64
	ReceiveBuffer                                                          uint32
	Events                                                                 EventType
	LowerBound                                                             bool // Lost is a lower bound: Linux before 4.12
	Source                                                                 Source
	RingError                                                              error // why not SourceRing, if that was asked for
}

func newStats(c *C.struct_cnproc_stats) Stats {
	return Stats{
		Delivered: uint64(c.delivered), Lost: uint64(c.lost), Trimmed: uint64(c.trimmed),
		MaybeMuted: uint64(c.maybe_muted), Forged: uint64(c.forged),
		Malformed: uint64(c.malformed), Unknown: uint64(c.unknown), Acks: uint64(c.acks),
		ReceiveBuffer: uint32(c.receive_buffer), Events: EventType(c.events),
		LowerBound: c.flags&C.CNPROC_STATS_LOWER_BOUND != 0,
		Source:     Source(c.source), RingError: check(c.ring_error),
	}
}
