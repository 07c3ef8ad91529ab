// Package live tells sagas as they happen: one line for each event.
//
//	lines := live.New(os.Stdout, live.Options{Ink: in, Several: true})
//	err := log.Follow(ctx, "kyc", "", 0, lines.Event)
//
//	 0.000s  order-1  task                                    ● submitted    by shop
//	 0.004s  order-1  document-validation                     ▶ started
//	 0.092s  order-1  document-validation                     ✔ completed    in 88ms
//	 0.115s  order-1  face-matching                           ▶ started      after document-validation
//	 0.131s  order-1  face-matching                           ✖ failed-1     transient: provider answered 503 · retry in 1.9s
//
// The time is since the saga's task was submitted, by the broker's clock. The
// agent has a column of its own as soon as one has another name than its step.
//
// [Lines.Event] must be shown a saga from its first event on, or its lines lack
// what came before; [Lines.Hear] shows it one without printing.
//
// It says what the history says and nothing of its own: what a saga as a whole
// waits for is told by package timeline.
package live
