package face_test

import (
	"cmp"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/services/kyc/face"
)

// TestSeparation measures what the package is for: the portrait of everybody against
// the selfies of everybody. Run it with -v to read the figures.
func TestSeparation(t *testing.T) {
	var careful, quick trial
	for holder, a := range gallery() {
		for sitter, b := range gallery() {
			for _, selfie := range b.selfies {
				if err := cmp.Or(a.portrait.err, selfie.err); err != nil {
					t.Fatal(err)
				}
				careful.add(holder == sitter, face.Similarity(a.portrait.template, selfie.template))
				quick.add(holder == sitter, a.portrait.wave.Likeness(selfie.wave))
			}
		}
	}
	t.Logf("Similarity, %v", careful.report(face.Match))
	t.Logf("Quick, %v", quick.report(face.QuickMatch))

	tests := []struct {
		name               string
		trial              trial
		match              float64
		equal, miss, letIn float64 // the bounds that are really kept
	}{
		{"similarity", careful, face.Match, 0.03, 0.03, 0.04},
		{"quick", quick, face.QuickMatch, 0.12, 0.12, 0.17},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if rate, at := test.trial.equalError(); rate > test.equal {
				t.Errorf("equal error rate %.3f at %.3f, want %.3f at most", rate, at, test.equal)
			}
			miss, letIn := test.trial.errors(test.match)
			if miss > test.miss || letIn > test.letIn {
				t.Errorf("at %.2f: %.3f of genuine pairs missed, want %.3f; %.4f of impostors let in, want %.4f", test.match, miss, test.miss, letIn, test.letIn)
			}
		})
	}
}

func TestSimilarityIsAnOrderlyMeasure(t *testing.T) {
	a, b := gallery()[0].portrait.template, gallery()[0].selfies[0].template
	if s := face.Similarity(a, a); s != 1 {
		t.Errorf("a template and itself: %v, want 1", s)
	}
	if ab, ba := face.Similarity(a, b), face.Similarity(b, a); ab != ba {
		t.Errorf("the order matters: %v and %v", ab, ba)
	}
	var nobody face.Template
	if s := face.Similarity(nobody, nobody); s != 0 {
		t.Errorf("nobody and nobody: %v, want 0: two pictures without a face must not match", s)
	}
	if s := face.Similarity(a, nobody); s != 0 {
		t.Errorf("somebody and nobody: %v, want 0", s)
	}
}

// Quick itself, and not only what it is made of, tells two people apart.
func TestQuick(t *testing.T) {
	holder, stranger := gallery()[3], gallery()[5]
	for _, test := range []struct {
		name string
		with image.Image
		want bool
	}{{"the holder", holder.selfies[0].img, true}, {"a stranger", stranger.selfies[0].img, false}} {
		likeness, err := detector().Quick(holder.portrait.img, test.with)
		if err != nil {
			t.Fatal(err)
		}
		if got := likeness >= face.QuickMatch; got != test.want {
			t.Errorf("%s: likeness %.2f, match %t", test.name, likeness, got)
		}
	}
}

// trial is the likeness of pairs that are one person, and of pairs that are not.
type trial struct{ genuine, impostor []float64 }

func (t *trial) add(same bool, likeness float64) {
	if same {
		t.genuine = append(t.genuine, likeness)
	} else {
		t.impostor = append(t.impostor, likeness)
	}
}

// errors is the share of genuine pairs below a threshold, and of impostors not below it.
func (t trial) errors(threshold float64) (missed, letIn float64) {
	for _, x := range t.genuine {
		if x < threshold {
			missed++
		}
	}
	for _, x := range t.impostor {
		if x >= threshold {
			letIn++
		}
	}
	return missed / float64(len(t.genuine)), letIn / float64(len(t.impostor))
}

// equalError is the threshold at which the worse of the two errors is least, and that error.
func (t trial) equalError() (rate, threshold float64) {
	rate = 1
	for _, at := range slices.Concat(t.genuine, t.impostor) {
		if missed, letIn := t.errors(at); max(missed, letIn) < rate {
			rate, threshold = max(missed, letIn), at
		}
	}
	return rate, threshold
}

// report is the trial as a table: how many pairs of each kind fall into each tenth.
func (t trial) report(match float64) string {
	var out strings.Builder
	rate, at := t.equalError()
	missed, letIn := t.errors(match)
	fmt.Fprintf(&out, "%d genuine and %d impostor pairs: equal error rate %.1f%% at %.2f; at the threshold %.2f %.1f%% missed, %.1f%% let in\n",
		len(t.genuine), len(t.impostor), 100*rate, at, match, 100*missed, 100*letIn)
	fmt.Fprintf(&out, "%-10s %6s %6s %6s   pairs from 0 to 1, by tenths\n", "", "least", "median", "most")
	for _, row := range []struct {
		name   string
		values []float64
	}{{"genuine", t.genuine}, {"impostor", t.impostor}} {
		sorted := slices.Sorted(slices.Values(row.values))
		var tenths [10]int
		for _, x := range sorted {
			tenths[min(int(x*10), 9)]++
		}
		fmt.Fprintf(&out, "%-10s %6.2f %6.2f %6.2f   %4d\n", row.name, sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1], tenths)
	}
	return out.String()
}
