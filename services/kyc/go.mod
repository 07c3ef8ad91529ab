module github.com/unwind-saga/unwind/services/kyc

go 1.26.0

require (
	github.com/esimov/pigo v1.4.6
	golang.org/x/image v0.47.0
	golang.org/x/text v0.43.0
)

require github.com/stretchr/testify v1.12.1 // indirect

require (
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mozillazg/go-unidecode v0.2.0 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // indirect
	github.com/unwind-saga/unwind/broker v0.0.0
	github.com/unwind-saga/unwind/events v0.0.0
	github.com/unwind-saga/unwind/saga v0.0.0
	github.com/unwind-saga/unwind/services/unwind v0.0.0
	github.com/wneessen/go-mail v0.8.1 // indirect
	github.com/xrash/smetrics v0.0.0-20250705151800-55b8f293f342 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	modernc.org/libc v1.80.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
	modernc.org/sqlite v1.62.0 // indirect
)

replace github.com/unwind-saga/unwind/events => ../../events

replace github.com/unwind-saga/unwind/saga => ../../saga

replace github.com/unwind-saga/unwind/broker => ../../broker

replace github.com/unwind-saga/unwind/services/unwind => ../unwind
