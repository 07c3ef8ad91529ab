package events

import "embed"

//go:embed schema/*.json
var schemaFiles embed.FS

// schemas names the schema of each kind's data. The data of the task is not
// ours: what a task must be is told by the agents that take it.
var schemas = map[Kind]string{
	Rejected:        "rejection",
	Started:         "claim",
	Attempt:         "claim",
	Failed:          "failure",
	Pending:         "wait",
	Answered:        "answer",
	Fallback:        "handover",
	Completed:       "done",
	Skipped:         "done",
	Committed:       "commitment",
	Unwinding:       "turn",
	Compensate:      "undoorder",
	Compensated:     "undone",
	UndoFailed:      "undofailure",
	Redo:            "redoorder",
	SagaCompleted:   "end",
	SagaCompensated: "end",
	Dismissed:       "dismissal",
}

// Schema returns the JSON Schema (draft 2020-12) of the data of a kind of
// event, for those who write events without this package. It says what every
// writer owes, and lets pass what it does not know, as readers do. The task,
// [Submitted], has none.
func Schema(k Kind) ([]byte, bool) {
	name, ok := schemas[k]
	if !ok {
		return nil, false
	}
	text, err := schemaFiles.ReadFile("schema/" + name + ".json")
	return text, err == nil
}
