package postgres_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// xzStored wraps bytes into the xz format without compressing them, for which
// the standard library has nothing: one block of stored LZMA2 chunks.
func xzStored(content []byte) []byte {
	withSum := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }
	flags := []byte{0, 1} // the check is CRC-32

	var out bytes.Buffer
	out.Write([]byte{0xFD, '7', 'z', 'X', 'Z', 0})
	out.Write(flags)
	out.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(flags)))

	block := out.Len()
	// Header size 12 (2 × 4 + 4), one filter: LZMA2 with a dictionary of 64 KiB.
	out.Write(withSum([]byte{2, 0, 0x21, 1, 8, 0, 0, 0}))
	for rest := content; len(rest) > 0; {
		n := min(len(rest), 1<<16)
		kind := byte(2)
		if len(rest) == len(content) {
			kind = 1 // the first one resets the dictionary
		}
		out.WriteByte(kind)
		out.Write(binary.BigEndian.AppendUint16(nil, uint16(n-1)))
		out.Write(rest[:n])
		rest = rest[n:]
	}
	out.WriteByte(0)
	unpadded := out.Len() - block + 4
	for (out.Len()-block)%4 != 0 {
		out.WriteByte(0)
	}
	out.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(content)))

	index := []byte{0, 1}
	index = binary.AppendUvarint(index, uint64(unpadded))
	index = binary.AppendUvarint(index, uint64(len(content)))
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = withSum(index)
	out.Write(index)

	footer := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1))
	footer = append(footer, flags...)
	out.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(footer)))
	out.Write(footer)
	out.WriteString("YZ")
	return out.Bytes()
}
