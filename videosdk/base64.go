package videosdk

import "encoding/binary"

// pairs holds for each 12 bits their two characters of base64url, the first in the low byte.
var pairs = func() (t [4096]uint16) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range t {
		t[i] = uint16(digits[i>>6]) | uint16(digits[i&63])<<8
	}
	return t
}()

// encodeBase64 is base64.RawURLEncoding.Encode, two characters at a time: that
// halves the time that encoding takes, which was a fifth of a signature's. What
// it encodes is public, so a table that leaves traces in a cache gives nothing away.
func encodeBase64(dst, src []byte) {
	for len(src) >= 8 && len(dst) >= 8 {
		v := binary.BigEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst, uint64(pairs[v>>52])|uint64(pairs[v>>40&4095])<<16|uint64(pairs[v>>28&4095])<<32|uint64(pairs[v>>16&4095])<<48)
		src, dst = src[6:], dst[8:]
	}
	for len(src) >= 3 && len(dst) >= 4 {
		v := uint(src[0])<<16 | uint(src[1])<<8 | uint(src[2])
		binary.LittleEndian.PutUint32(dst, uint32(pairs[v>>12&4095])|uint32(pairs[v&4095])<<16)
		src, dst = src[3:], dst[4:]
	}
	switch len(src) {
	case 1:
		p := pairs[uint(src[0])<<4]
		dst[0], dst[1] = byte(p), byte(p>>8)
	case 2:
		v := uint(src[0])<<10 | uint(src[1])<<2
		p := pairs[v>>6]
		dst[0], dst[1], dst[2] = byte(p), byte(p>>8), byte(pairs[v&63]>>8)
	}
}
