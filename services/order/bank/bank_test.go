package bank_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/services/order/bank"
	"github.com/unwind-saga/unwind/services/order/ordertest"
)

func TestMain(m *testing.M) { os.Exit(ordertest.Main(m)) }

type answer struct {
	Status   string
	ID       string
	Error    struct{ Type, Code string }
	code     int
	replayed bool
	body     string
}

// ask is a client without an SDK. A key "" is none.
func ask(t *testing.T, method, path, key, form string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, ordertest.World(t).Stripe()+path, strings.NewReader(form))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer sk_test_x")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := answer{code: res.StatusCode, replayed: res.Header.Get("Idempotent-Replayed") == "true", body: string(body)}
	require.NoError(t, json.Unmarshal(body, &a), "%s", body)
	return a
}

const intents = "/v1/payment_intents"

var form = url.Values{"amount": {"1900"}, "currency": {"eur"}, "metadata[saga]": {"s"}, "payment_method_types[]": {"card"}}.Encode()

// The same key and the same parameters: the same answer, marked. Another parameter or
// another path under it: a mistake. What was not valid is not kept.
func TestKeys(t *testing.T) {
	first := ask(t, "POST", intents, "k1", form)
	require.Equal(t, 200, first.code, first.body)
	assert.False(t, first.replayed)
	again := ask(t, "POST", intents, "k1", form)
	assert.Equal(t, first.body, again.body)
	assert.True(t, again.replayed)
	assert.NotEqual(t, first.ID, ask(t, "POST", intents, "k2", form).ID)
	assert.NotEqual(t, first.ID, ask(t, "POST", intents, "", form).ID)

	for _, other := range []answer{
		ask(t, "POST", intents, "k1", strings.Replace(form, "1900", "2000", 1)),
		ask(t, "POST", intents+"/"+first.ID+"/cancel", "k1", ""),
	} {
		assert.Equal(t, 400, other.code)
		assert.Equal(t, "idempotency_error", other.Error.Type)
	}
	invalid := ask(t, "POST", intents, "k3", "amount=1900")
	assert.Equal(t, 400, invalid.code, invalid.body)
	assert.Equal(t, 200, ask(t, "POST", intents, "k3", form).code)
}

// A 500 is kept like any other answer, whether it happened or not.
func TestKeptErrors(t *testing.T) {
	for mode, key := range map[bank.Mode]string{bank.Broken: "b1", bank.Blurred: "b2"} {
		before := len(ordertest.World(t).Bank.Intents())
		require.NoError(t, ordertest.World(t).Bank.Fail(bank.Fault{Mode: mode, Count: 1}))
		assert.Equal(t, 500, ask(t, "POST", intents, key, form).code)
		again := ask(t, "POST", intents, key, form)
		assert.Equal(t, 500, again.code)
		assert.True(t, again.replayed)
		want := map[bank.Mode]int{bank.Broken: 0, bank.Blurred: 1}[mode]
		assert.Len(t, ordertest.World(t).Bank.Intents(), before+want)
	}
}

// Many at once under one key are one.
func TestKeyInUse(t *testing.T) {
	id := ask(t, "POST", intents, "", form).ID
	var all sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		all.Go(func() {
			codes[i] = ask(t, "POST", intents+"/"+id+"/confirm", "use", "payment_method=pm_card_visa").code
		})
	}
	all.Wait()
	assert.Contains(t, codes, 200)
	for _, code := range codes {
		assert.Contains(t, []int{200, 409}, code)
	}
	assert.Equal(t, 200, ask(t, "POST", intents+"/"+id+"/confirm", "use", "payment_method=pm_card_visa").code)
}

// Where an intent may go from where.
func TestIntent(t *testing.T) {
	const pay, decline = "payment_method=pm_card_visa", "payment_method=pm_card_chargeDeclined"
	id := ask(t, "POST", intents, "", form).ID
	at := func() string { return ask(t, "GET", intents+"/"+id, "", "").Status }
	assert.Equal(t, "requires_payment_method", at())
	refund := func() answer { return ask(t, "POST", "/v1/refunds", "", "payment_intent="+id) }
	assert.Equal(t, 400, refund().code, "nothing to refund")

	declined := ask(t, "POST", intents+"/"+id+"/confirm", "", decline)
	assert.Equal(t, 402, declined.code)
	assert.Equal(t, "card_error", declined.Error.Type)
	assert.Equal(t, "requires_payment_method", at())

	assert.Equal(t, "succeeded", ask(t, "POST", intents+"/"+id+"/confirm", "", pay).Status)
	for _, what := range []string{"/confirm", "/cancel"} {
		a := ask(t, "POST", intents+"/"+id+what, "", "")
		assert.Equal(t, 400, a.code, what)
		assert.Equal(t, "payment_intent_unexpected_state", a.Error.Code, what)
	}
	assert.Equal(t, "succeeded", refund().Status)
	assert.Equal(t, "charge_already_refunded", refund().Error.Code)
	assert.Contains(t, ask(t, "GET", intents+"/"+id+"?expand[]=latest_charge", "", "").body, `"refunded":true`)

	id = ask(t, "POST", intents, "", form).ID
	assert.Equal(t, "canceled", ask(t, "POST", intents+"/"+id+"/cancel", "", "").Status)
	assert.Equal(t, 400, ask(t, "POST", intents+"/"+id+"/confirm", "", pay).code)
	assert.Equal(t, "canceled", at())
	assert.Equal(t, 404, ask(t, "GET", intents+"/pi_none", "", "").code)
}

func TestFaultsOverHTTP(t *testing.T) {
	put := func(body string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, ordertest.World(t).Stripe()+"/bank/faults", strings.NewReader(body))
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		res.Body.Close()
		return res
	}
	assert.Equal(t, http.StatusOK, put(`{"mode":"limit","on":"create","count":1}`).StatusCode)
	assert.Equal(t, http.StatusTooManyRequests, ask(t, "POST", intents, "", form).code)
	assert.Equal(t, http.StatusOK, ask(t, "POST", intents, "", form).code)
	for _, wrong := range []string{`{"mode":"lazy"}`, `{"mode":"lose","on":"thursday"}`, `{"mode":"lose","count":-1}`, `{`} {
		assert.Equal(t, http.StatusBadRequest, put(wrong).StatusCode, wrong)
	}
}
