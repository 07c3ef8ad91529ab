package world

import (
	"encoding/json"
	"fmt"
	"image"
	"strings"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

// A Person who does not exist, with a passport of Utopia.
type Person struct {
	Given, Surname string
	Birth          mrz.Date
	Face           int // of package specimen
	Selfie         int // somebody else's face, if it is another number
	Passport       string
}

// Someone is an ordinary person: a different one for each number.
func Someone(n int) Person {
	given := []string{"Anna", "Bruno", "Chiara", "Dana", "Emil", "Freya", "Goran", "Hana"}
	surnames := []string{"Eriksson", "Castellan", "Obermoser", "Nakadai", "Vestergren", "Tormund", "Quillfeather"}
	return Person{
		Given: given[n%len(given)], Surname: surnames[n/len(given)%len(surnames)],
		Birth: mrz.Date{Year: 1970 + n%30, Month: 1 + n%12, Day: 1 + n%28},
		Face:  n % 12, Selfie: n % 12, Passport: fmt.Sprintf("U%07d", 1000+n),
	}
}

// Wanted is a person on the list of sanctioned people.
func Wanted(n int) Person {
	p := Someone(n)
	p.Given, p.Surname, p.Birth = "James", "Moriarty", mrz.Date{Year: 1961, Month: 10, Day: 31}
	return p
}

// Task is the person's application.
func (p Person) Task() ([]byte, error) {
	expiry := time.Now().AddDate(5, 0, 0)
	zone, err := mrz.Format(mrz.Document{
		Code: "P", Issuer: "UTO", Nationality: "UTO", Number: p.Passport,
		Surname: p.Surname, GivenNames: p.Given, Birth: p.Birth, Sex: mrz.Unspecified, Expiry: mrz.DateOf(expiry),
	})
	if err != nil {
		return nil, err
	}
	portrait, err := portraits.of(p.Face)
	if err != nil {
		return nil, err
	}
	selfie, err := selfies.of(p.Selfie)
	if err != nil {
		return nil, err
	}
	return json.Marshal(applicant.Applicant{
		Name: p.Given + " " + p.Surname, Email: p.Email(),
		Document: applicant.Document{MRZ: zone[:], Portrait: portrait}, Selfie: selfie,
	})
}

// An album has the pictures that were asked for, by their person's number. Painting
// one takes a tenth of a second, and a hundred people share twelve faces.
type album struct {
	paint    func(person int) image.Image
	pictures sync.Map // of func() ([]byte, error), by int
}

var (
	portraits = album{paint: specimen.Portrait}
	selfies   = album{paint: func(person int) image.Image { return specimen.Selfie(person, 1) }}
)

// of returns a picture as a JPEG, which is not to be written into.
func (a *album) of(person int) ([]byte, error) {
	picture, _ := a.pictures.LoadOrStore(person, sync.OnceValues(func() ([]byte, error) {
		return specimen.Encode(a.paint(person))
	}))
	return picture.(func() ([]byte, error))()
}

// Email is where the person is told.
func (p Person) Email() string { return strings.ToLower(p.Given+"."+p.Surname) + "@utopia.example" }
