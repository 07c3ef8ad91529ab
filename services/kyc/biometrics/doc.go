// Package biometrics is the client of a face provider: a service in somebody
// else's house that compares a passport's portrait with a selfie, and keeps a
// template of the face until it is told to forget it.
//
// Begin with [New]. The provider's API, version 1, is JSON over HTTP:
//
//	POST   /v1/comparisons       {"portrait": base64, "selfie": base64}
//	                             201 {"id": "...", "similarity": 0.93, "match": true}
//	GET    /v1/comparisons       200 [{"id": ..., "key": ..., "created": ...}, ...]: what is kept
//	DELETE /v1/comparisons/{id}  204 forgotten; 404 in JSON: there was nothing
//
// A POST carries an Idempotency-Key (as the IETF's draft of that name has it):
// the same key gets the same answer and makes no second template; the same key
// with other images is a mistake, 422.
//
// A comparison leaves something behind in another house, so each failure is an
// [*Error] that says whether that may have happened, and what can be done:
//
//	no connection, or the context ended before    transient    nothing was done
//	429, 503; 409: the key is being worked on     transient    nothing was done; see RetryAfter
//	its certificate does not verify               unavailable  nothing was done
//	3xx, 401, 403, 404, 405: it is us             unavailable  nothing was done
//	any other 4xx: the images, or the request     refused      nothing was done
//	408, any other 5xx, garbage, cut, silence     unknown      may have been done
//
// A provider that restarts is no reason for a stand-in: hence the first line. After
// the last, ask again with the same key, or have it forgotten: [Client.ForgetKey]
// finds what a lost answer has left. A list changes nothing, so where the last line
// would hold for it, it is transient.
//
// Package provider beneath it is such a service, with faults to order. This one
// compares no faces and tries nothing twice.
package biometrics
