// SPDX-License-Identifier: MIT OR Apache-2.0

package cnproc

// #include <cnproc.h>
// #include <string.h>
import "C"

import (
	"strings"
	"unsafe"
)

// readText returns a text of any length, which read writes as snprintf does.
func readText(read func(buffer *C.char, length C.size_t) C.ssize_t) (string, error) {
	buffer := make([]byte, 4096)
	for {
		length := read((*C.char)(unsafe.Pointer(&buffer[0])), C.size_t(len(buffer)))
		switch {
		case length < 0:
			return "", Error(-length)
		case int(length) < len(buffer):
			return string(buffer[:length]), nil
		}
		buffer = make([]byte, length+1)
	}
}

// split returns the texts that each end with a NUL.
func split(text string, err error) ([]string, error) {
	if text == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00"), nil
}

// name returns the bytes before the first NUL.
func name(comm *[16]C.char) string { return C.GoStringN(&comm[0], C.int(C.strnlen(&comm[0], 16))) }
