// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
import "C"

import "syscall"

// Error is an error number of the library: a diagnosis below, or a syscall.Errno, with which errors.Is compares it. Its text
// names the cause and the remedy.
type Error int

// The library's diagnoses. errors.Is(ErrPerm, syscall.EPERM).
const (
	ErrNoConnector  = Error(C.CNPROC_ENOCONNECTOR)
	ErrNoProcEvents = Error(C.CNPROC_ENOPROCEVENTS)
	ErrNetNS        = Error(C.CNPROC_ENETNS)
	ErrUserNS       = Error(C.CNPROC_EUSERNS)
	ErrPidNS        = Error(C.CNPROC_EPIDNS)
	ErrPerm         = Error(C.CNPROC_EPERM)
	ErrSandbox      = Error(C.CNPROC_ESANDBOX)
	ErrNoAck        = Error(C.CNPROC_ENOACK)
	ErrMuted        = Error(C.CNPROC_EMUTED)
	ErrForked       = Error(C.CNPROC_EFORKED)
	ErrRefused      = Error(C.CNPROC_EREFUSED)
	ErrNoProcfs     = Error(C.CNPROC_ENOPROCFS)
	ErrUnreadable   = Error(C.CNPROC_EUNREADABLE)
	ErrRingPerm     = Error(C.CNPROC_ERINGPERM)
	ErrNoRing       = Error(C.CNPROC_ENORING)
	ErrExecuting    = Error(C.CNPROC_EEXECUTING)
	ErrHidden       = Error(C.CNPROC_EHIDDEN)
	ErrFull         = Error(C.CNPROC_EFULL)
)

func (e Error) Error() string { return "cnproc: " + C.GoString(C.cnproc_strerror(C.int(e))) }

// Is reports whether target is the same errno.
func (e Error) Is(target error) bool {
	return target == syscall.Errno(e) || e == ErrPerm && target == syscall.EPERM
}

// check returns the error that a negative result stands for.
func check(result C.int) error {
	if result < 0 {
		return Error(-result)
	}
	return nil
}
