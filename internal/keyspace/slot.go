package keyspace

import "strings"

// Slots is the number of hash slots of a Redis Cluster.
const Slots = 16384

// Slot returns the hash slot of a key as Redis Cluster computes it: CRC16 (XMODEM) of the first non-empty {tag}, or of the
// whole key, modulo 16384 (https://redis.io/docs/reference/cluster-spec, "hash tags").
func Slot(key string) int {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if end := strings.IndexByte(key[open+1:], '}'); end > 0 {
			key = key[open+1 : open+1+end]
		}
	}
	return int(crc16(0, key)) % Slots
}

// tagAt returns prefix followed by the shortest, first string of base-36 digits that makes the tag hash to slot.
func tagAt(prefix string, slot int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	start := crc16(0, prefix)
	for length := 1; ; length++ {
		if suffix, ok := search(start, slot, length, digits); ok {
			return prefix + suffix
		}
	}
}

// search looks for a suffix of the given length that takes the checksum from crc to slot.
func search(crc uint16, slot, length int, digits string) (string, bool) {
	for i := range len(digits) {
		next := crc<<8 ^ crcTable[byte(crc>>8)^digits[i]]
		if length == 1 {
			if int(next)%Slots == slot {
				return digits[i : i+1], true
			}
			continue
		}
		if rest, ok := search(next, slot, length-1, digits); ok {
			return digits[i:i+1] + rest, true
		}
	}
	return "", false
}

func crc16(crc uint16, s string) uint16 {
	for i := range len(s) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^s[i]]
	}
	return crc
}

// crcTable is CRC16-CCITT in its XMODEM variant: polynomial 0x1021, initial value 0.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		t[i] = crc
	}
	return t
}()
