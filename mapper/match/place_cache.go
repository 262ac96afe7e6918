package match

import (
	"strings"

	"relay/internal/meta"
	"relay/internal/recent"
)

// PlaceCache normalises values and remembers the results for places: the customers of a shop
// live in the same towns. It is not safe for concurrent use.
type PlaceCache struct {
	places recent.Map[placeKey, ValueSum]
}

// Limits of what a PlaceCache remembers.
const (
	maxPlaces   = 512 // of each of two generations
	maxPlaceLen = 64  // bytes
)

// placeKey is everything that the normal form of a place depends on.
type placeKey struct {
	key                Key
	countryGiven       bool
	country, byDefault string
	raw                string
}

// NewPlaceCache returns an empty cache.
func NewPlaceCache() PlaceCache {
	return PlaceCache{recent.New[placeKey, ValueSum](maxPlaces)}
}

// Normalise returns the results of Normalise and SumOf. A rejected value has no digest.
func (c *PlaceCache) Normalise(k Key, raw string, l Locale) ValueSum {
	if !isPlace(k) || len(raw) > maxPlaceLen {
		return normaliseAndSum(k, raw, l)
	}
	at := placeKey{k, l.CountryGiven, l.Country, l.DefaultCountry, raw}
	v, ok := c.places.Get(at)
	if !ok {
		v = normaliseAndSum(k, raw, l)
		at.raw, v.Form = strings.Clone(raw), strings.Clone(v.Form) // not to keep the whole event in memory
		c.places.Put(at, v)
	}
	return v
}

func normaliseAndSum(k Key, raw string, l Locale) (v ValueSum) {
	if v.Value = Normalise(k, raw, l, nil); v.Form != "" {
		v.Sum = SumOf(k, v.Value)
	}
	return v
}

func isPlace(k Key) bool {
	switch Table[k].Form {
	case meta.City, meta.State2, meta.Zip, meta.Country:
		return true
	}
	return false
}
