package httpapi

import (
	"encoding/binary"
	"math"
)

// The appenders write a MessagePack value, or the head of one, in as few bytes as it takes.

func appendMapLen(b []byte, members int) []byte {
	if members < 16 {
		return append(b, 0x80|byte(members))
	}
	return appendLength(b, uint64(members), 0, 0xde, 0xdf)
}

func appendArrayLen(b []byte, elements int) []byte {
	if elements < 16 {
		return append(b, 0x90|byte(elements))
	}
	return appendLength(b, uint64(elements), 0, 0xdc, 0xdd)
}

func appendText(b []byte, s string) []byte {
	if len(s) < 32 {
		b = append(b, 0xa0|byte(len(s)))
	} else {
		b = appendLength(b, uint64(len(s)), 0xd9, 0xda, 0xdb)
	}
	return append(b, s...)
}

// appendLength appends a length, or a number, behind the code for its width in bytes; a code of 0 is none.
func appendLength(b []byte, n uint64, one, two, four byte) []byte {
	switch {
	case one != 0 && n <= math.MaxUint8:
		return append(b, one, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, two), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, four), uint32(n))
}

func appendUnsigned(b []byte, n uint64) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n <= math.MaxUint32:
		return appendLength(b, n, 0xcc, 0xcd, 0xce)
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), n)
}

func appendSigned(b []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUnsigned(b, uint64(n))
	case n >= -32:
		return append(b, byte(n))
	case n >= math.MinInt8:
		return append(b, 0xd0, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(n))
}

func appendFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(f))
}
