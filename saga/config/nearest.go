package config

import (
	"fmt"
	"strings"
)

// didYouMean ends a sentence about an unknown word, if a known one is near.
func didYouMean(word string, known []string) string {
	// Two letters allow for two that changed places.
	best, least := "", 1+max(2, len(word)/3)
	for _, k := range known {
		if d := distance(fold(word), fold(k)); d < least && d < len(word) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %s?", best)
}

// fold makes retryPolicy, retry-policy and retry_policy the same.
func fold(word string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(word))
}

// distance counts the letters to insert, remove or replace between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
