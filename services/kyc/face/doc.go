// Package face finds the face in a picture and says how alike two faces are.
//
//	detector, err := face.NewDetector()
//	portrait, err := face.Decode(pngOrJPEG)
//	a, err := detector.Template(portrait) // ErrNoFace, ErrSeveralFaces
//	b, err := detector.Template(selfie)
//	same := face.Similarity(a, b) >= face.Match
//
// Finding is real: pico, the detector of Markuš and others (arXiv:1305.4537), in the
// pure Go of github.com/esimov/pigo, with the cascades it was trained to on photographs.
//
// Likening is modest: the eyes are brought to the same place, the light is taken
// out, and what remains is described by the oldest honest means there are: local
// binary patterns (Ahonen, Hadid and Pietikäinen, "Face Description with Local
// Binary Patterns", PAMI 2006) and a coarse cosine transform. There is NO face
// recognition network here. These descriptors tell the painted people of package
// specimen apart and were good science in 2006; on snapshots of living people they
// err in one case of several. Nobody should open an account on their word: put
// a trained model behind the same two functions first.
//
// What the package keeps, and its tests cite:
//
//	F1  The same bytes give the same answer, always. A task is delivered more than
//	    once, and a second delivery must not reach a second verdict. Hence the walk
//	    to the pupils in pupil.go, where pigo's own throws dice.
//	F2  Nothing that arrives can harm: pixels are counted before they are decoded,
//	    and a template is checked before it is believed.
//	F3  No face and several faces are errors by name, never a guess at one of them.
//
// It is not a test for a living person: a photograph of a photograph has a face too.
// Nor does it turn pictures: a telephone's EXIF orientation is not read, and a face
// lying on its side is not found.
package face
