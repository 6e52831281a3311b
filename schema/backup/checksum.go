package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// checksum is that of a set of rows, whatever their order: the sum, modulo 2^128, of
// the first half of each row's SHA-256. Equal rows count as often as they are there,
// which they would not if the hashes were combined by exclusive or.
type checksum struct {
	rows      int64
	high, low uint64
}

func (c *checksum) add(row []byte) {
	hash := sha256.Sum256(row)
	var carry uint64
	c.low, carry = bits.Add64(c.low, binary.BigEndian.Uint64(hash[8:16]), 0)
	c.high, _ = bits.Add64(c.high, binary.BigEndian.Uint64(hash[0:8]), carry)
	c.rows++
}

// String is the sum as 32 hexadecimal digits.
func (c *checksum) String() string { return fmt.Sprintf("%016x%016x", c.high, c.low) }
