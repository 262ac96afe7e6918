package mapper

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// personalNames are the properties that never leave in custom_data, at any
// depth, folded as foldProperty does. The first lines are CONTRACT 5.1's list;
// the others say the same in other words.
var personalNames = propertySet(`
	email mail phone mobile telephone firstname lastname fullname customername birthday birthdate dateofbirth dob
	gender address street address1 address2 ip ipaddress

	emailaddress customeremail useremail contactemail billingemail shippingemail emails
	phonenumber mobilephone mobilenumber telephonenumber cellphone cellphonenumber homephone workphone customerphone userphone contactphone
	billingphone shippingphone phones
	surname familyname givenname middlename maidenname customerfirstname customerlastname cardholder cardholdername nameoncard
	streetaddress addressline addressline1 addressline2 addressline3 address3 billingaddress shippingaddress deliveryaddress homeaddress customeraddress
	housenumber addresses streetname street1 street2
	customergender customerbirthday customerdob yearofbirth birthyear
	clientip clientipaddress userip customerip remoteip remoteaddr
`)

// personalAtTop are personal only as properties of the event itself: deeper
// down they are a shop's or a product's.
var personalAtTop = propertySet(`city state zip postalcode country zipcode postcode`)

// people are objects whose name is a person's, not a product's.
var people = propertySet(`customer user buyer shopper client guest recipient person member contact payer cardholder traits`)

func propertySet(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}

// foldProperty appends a name with only its letters and digits, in lower case:
// firstName, first_name, First-Name and "first name" are one.
func foldProperty(dst []byte, name string) []byte {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			dst = append(dst, byte(r))
		case r >= 'A' && r <= 'Z':
			dst = append(dst, byte(r)+'a'-'A')
		case r >= 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

// personalName says whether a property is dropped for its name. parent is the
// name of the object it is in, "" at the top.
func personalName(name, parent string, top bool) bool {
	var room [64]byte
	folded := foldProperty(room[:0], name)
	if personalNames[string(folded)] || top && personalAtTop[string(folded)] {
		return true
	}
	if string(folded) == "name" && parent != "" {
		return people[string(foldProperty(folded[:0], parent))]
	}
	return strings.Contains(name, "@") && holdsEmail(name)
}

var emailForm = regexp.MustCompile(`[^\s@<>()",;:]+@[^\s@<>()",;:]+\.[\pL]{2,}`)

// holdsEmail says whether text is, or has in it, an e-mail address.
func holdsEmail(text string) bool {
	return strings.Contains(text, "@") && emailForm.MatchString(text)
}
