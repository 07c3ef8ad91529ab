package index

// SmallBatches makes batches so small that whatever is read takes many.
func SmallBatches(events int) (undo func()) {
	before := batchEvents
	batchEvents = events
	return func() { batchEvents = before }
}
