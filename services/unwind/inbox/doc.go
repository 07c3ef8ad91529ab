// Package inbox shows a person what waits for one: as a list, and each thing
// with all that is needed to decide.
//
//	items, err := client.Inbox(ctx, log)
//	err = inbox.List(os.Stdout, items, time.Now(), inbox.Options{})
//
// Whoever is called at three in the morning wants to know, in this order: what
// am I asked; how long have I got, and what happens if I do nothing; what was
// tried, and why did it fail; what is done already; and what do I type, and what
// comes of that. [Show] answers in this order, and ends with commands that can
// be copied.
//
// Nothing is decided here, and nothing written: that is the business of package
// client.
package inbox
