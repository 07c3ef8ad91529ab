// Package timeline draws one saga as a whole: what ran when, what became of
// each step, and what the saga waits for.
//
//	err := timeline.Print(os.Stdout, history, state, time.Now(), timeline.Options{})
//
//	trip/1  compensated in 5.1s
//
//	                0s        1s        2s        3s        4s        5s
//	                ├─────────┼─────────┼─────────┼─────────┼─────────┤
//	seat            ━━━━━━━━━━✔                                      ┊═↩
//	card                       ━━━━━━━━━✖┄┄┄┄┄┄┄┄┄┄2━━━━━━━━━✖        ┊
//	  → card-lite                                             ━━━━━━━✖┊
//	                                                                  ▲
//	                                    turned back: card-lite refused ┘
//
// There is a lane for each step, and one below it for each agent that stood in.
// The axis is proportional, but every mark has a cell of its own, so marks that
// fall into one cell are moved to the right of each other. What came too late
// to count is not drawn. The dotted line is the moment at which the saga turned:
// what is left of it went forward, what is right of it back.
//
// The chart is drawn from the history, table and sentence are read from the
// folded state, and nothing is known beyond both: a step that nobody has
// claimed yet does not appear, because no plan says that it will be.
package timeline
