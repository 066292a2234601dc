package tribunal

// The exports, and the memory in the layout of the component model: what a call is given is read where it lies.

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// ---- Memory that the host fills and reads: a block that is there from the start, and more beyond it. Addresses are
// plain numbers to the garbage collector, which moves nothing, so what is beyond the block is held until the call is
// over.

const blockWords = 32 * 1024 / 8

var (
	block  [blockWords]uint64
	used   uint32 // bytes of the block
	held   [][]uint64
	isOver bool // the call, so that its memory goes with the next one's first allocation
)

//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

// Before Go's runtime has started, the WASI adapter asks for memory that it keeps: a stack and its state, each of
// 64 KiB.
var (
	isStarted bool
	early     [192 * 1024 / 8]uint64
	usedEarly uint32
)

func init() { isStarted = true }

func allocate(size uint32) unsafe.Pointer {
	if isOver {
		used, held, isOver = 0, nil, false
	}
	words := (size + 7) / 8
	if words <= blockWords-used/8 {
		memory := unsafe.Add(unsafe.Pointer(&block), used)
		used += words * 8
		return memory
	}
	memory := make([]uint64, words)
	held = append(held, memory)
	return unsafe.Pointer(unsafe.SliceData(memory))
}

//go:wasmexport cabi_realloc
func cabiRealloc(_, _, _, size uint32) uint32 {
	if !isStarted {
		memory := address(unsafe.Pointer(&early)) + usedEarly
		usedEarly += (size + 7) &^ 7
		if usedEarly > uint32(unsafe.Sizeof(early)) {
			panic("the WASI adapter wants more memory than is set aside for it")
		}
		return memory
	}
	if size/8 < blockWords-used/8 || isOver {
		return address(allocate(size))
	}
	// The garbage collector reads the clock, and nothing of the host may be called here.
	pauseClock(true)
	defer pauseClock(false)
	return address(allocate(size))
}

func address(memory unsafe.Pointer) uint32 { return uint32(uintptr(memory)) }

func at[T any](address uint32) *T {
	return (*T)(unsafe.Pointer(uintptr(address)))
}

func put[T any](value T) uint32 {
	memory := allocate(uint32(unsafe.Sizeof(value)))
	*(*T)(memory) = value
	return address(memory)
}

// ---- The layouts

type list[T any] struct{ ptr, len uint32 }

func (l list[T]) slice() []T {
	if l.len == 0 {
		return nil
	}
	return unsafe.Slice(at[T](l.ptr), l.len)
}

type rawText struct{ ptr, len uint32 }

func (t rawText) String() string {
	if t.len == 0 {
		return ""
	}
	return unsafe.String(at[byte](t.ptr), t.len)
}

func lowerText(text string) rawText {
	memory := allocate(uint32(len(text)))
	copy(unsafe.Slice((*byte)(memory), len(text)), text)
	return rawText{address(memory), uint32(len(text))}
}

type option[T any] struct {
	isSome bool
	value  T
}

func optional[T, R any](o option[T], lift func(T) R) *R {
	if !o.isSome {
		return nil
	}
	value := lift(o.value)
	return &value
}

func same[T any](value T) T { return value }

func liftList[T, R any](l list[T], lift func(T) R) []R {
	raw := l.slice()
	if raw == nil {
		return nil
	}
	items := make([]R, len(raw))
	for at := range raw {
		items[at] = lift(raw[at])
	}
	return items
}

func lowerList[T, R any](items []T, lower func(T) R) list[R] {
	if len(items) == 0 {
		return list[R]{}
	}
	var item R
	memory := allocate(uint32(unsafe.Sizeof(item)) * uint32(len(items)))
	raw := unsafe.Slice((*R)(memory), len(items))
	for at, item := range items {
		raw[at] = lower(item)
	}
	return list[R]{ptr: address(memory), len: uint32(len(items))}
}

type rawAttribute struct {
	key   rawText
	kind  uint8
	value uint64
}

func wordsOf(text rawText) uint64 { return uint64(text.len)<<32 | uint64(text.ptr) }

func textOf(words uint64) string { return rawText{uint32(words), uint32(words >> 32)}.String() }

func liftAttribute(raw rawAttribute) Attribute {
	var value any
	switch raw.kind {
	case 0:
		value = textOf(raw.value)
	case 1:
		value = int64(raw.value)
	case 2:
		value = *(*float64)(unsafe.Pointer(&raw.value))
	case 3:
		value = raw.value&0xff != 0
	default:
		value = JSON(textOf(raw.value))
	}
	return Attribute{raw.key.String(), value}
}

func lowerAttribute(attribute Attribute) rawAttribute {
	raw := rawAttribute{key: lowerText(attribute.Key)}
	switch value := attribute.Value.(type) {
	case string:
		raw.kind, raw.value = 0, wordsOf(lowerText(value))
	case int:
		raw.kind, raw.value = 1, uint64(value)
	case int64:
		raw.kind, raw.value = 1, uint64(value)
	case float64:
		raw.kind, raw.value = 2, *(*uint64)(unsafe.Pointer(&value))
	case bool:
		raw.kind, raw.value = 3, uint64(truth(value))
	case JSON:
		raw.kind, raw.value = 4, wordsOf(lowerText(string(value)))
	default:
		panic(fmt.Sprintf("the attribute %q has a value of type %T", attribute.Key, value))
	}
	return raw
}

func truth(value bool) uint8 {
	if value {
		return 1
	}
	return 0
}

type rawUsage struct {
	input, output, cacheRead, cacheWrite, reasoning uint64
	other                                           list[rawUnitCount]
}

type rawUnitCount struct {
	name  rawText
	count uint64
}

type rawCallError struct {
	kind, message rawText
	status        option[uint16]
}

type rawCall struct {
	id, project, operation, provider, model rawText
	requestedModel                          option[rawText]
	startedAt                               uint64
	duration, timeToFirstToken              option[float64]
	usage                                   option[rawUsage]
	parameters                              list[rawAttribute]
	finishReasons                           list[rawText]
	err                                     option[rawCallError]
	attributes                              list[rawAttribute]
}

type rawPart struct {
	kind  uint8
	words [7]uint32
}

type rawMessage struct {
	role       rawText
	parts      list[rawPart]
	attributes list[rawAttribute]
}

type rawDocument struct {
	id         option[rawText]
	text       rawText
	attributes list[rawAttribute]
}

type rawPromptVersion struct {
	name    rawText
	version option[rawText]
}

type rawInteraction struct {
	call          rawCall
	input, output list[rawMessage]
	context       list[rawDocument]
	reference     option[rawText]
	prompt        option[rawPromptVersion]
	session, user option[rawText]
}

// ---- What a call is given

func liftUsage(raw rawUsage) Usage {
	other := liftList(raw.other, func(raw rawUnitCount) UnitCount { return UnitCount{raw.name.String(), raw.count} })
	return Usage{raw.input, raw.output, raw.cacheRead, raw.cacheWrite, raw.reasoning, other}
}

func liftCallError(raw rawCallError) CallError {
	return CallError{raw.kind.String(), raw.message.String(), optional(raw.status, same)}
}

func liftCall(raw *rawCall) Call {
	return Call{
		ID:               raw.id.String(),
		Project:          raw.project.String(),
		Operation:        raw.operation.String(),
		Provider:         raw.provider.String(),
		Model:            raw.model.String(),
		RequestedModel:   optional(raw.requestedModel, rawText.String),
		StartedAt:        raw.startedAt,
		Duration:         optional(raw.duration, same),
		TimeToFirstToken: optional(raw.timeToFirstToken, same),
		Usage:            optional(raw.usage, liftUsage),
		Parameters:       liftList(raw.parameters, liftAttribute),
		FinishReasons:    liftList(raw.finishReasons, rawText.String),
		Error:            optional(raw.err, liftCallError),
		CallAttributes:   liftList(raw.attributes, liftAttribute),
	}
}

func callAt(address uint32) *Call {
	call := liftCall(at[rawCall](address))
	return &call
}

func liftPart(raw rawPart) Part {
	text := func(at int) string { return rawText{raw.words[at], raw.words[at+1]}.String() }
	var id *string
	if raw.words[0]&0xff != 0 && (raw.kind == 2 || raw.kind == 3) {
		value := text(1)
		id = &value
	}
	switch raw.kind {
	case 0:
		return Text(text(0))
	case 1:
		return Reasoning(text(0))
	case 2:
		return ToolCall{id, text(3), text(5)}
	case 3:
		return ToolResult{id, text(3)}
	}
	return OtherPart{text(0), text(2)}
}

func liftMessage(raw rawMessage) Message {
	return Message{raw.role.String(), liftList(raw.parts, liftPart), liftList(raw.attributes, liftAttribute)}
}

func liftDocument(raw rawDocument) Document {
	return Document{optional(raw.id, rawText.String), raw.text.String(), liftList(raw.attributes, liftAttribute)}
}

func liftPromptVersion(raw rawPromptVersion) PromptVersion {
	return PromptVersion{raw.name.String(), optional(raw.version, rawText.String)}
}

func interactionAt(address uint32) *Interaction {
	raw := at[rawInteraction](address)
	return &Interaction{
		Call:      liftCall(&raw.call),
		Input:     liftList(raw.input, liftMessage),
		Output:    liftList(raw.output, liftMessage),
		Context:   liftList(raw.context, liftDocument),
		Reference: optional(raw.reference, rawText.String),
		Prompt:    optional(raw.prompt, liftPromptVersion),
		Session:   optional(raw.session, rawText.String),
		User:      optional(raw.user, rawText.String),
	}
}

// ---- What a call gives back

type rawScore struct {
	name        rawText
	kind        uint8
	value       uint64
	explanation option[rawText]
	attributes  list[rawAttribute]
}

func lowerExplanation(text string) option[rawText] {
	if text == "" {
		return option[rawText]{}
	}
	return option[rawText]{true, lowerText(text)}
}

func lowerScore(score Score) rawScore {
	raw := rawScore{
		name:        lowerText(score.Name),
		explanation: lowerExplanation(score.Explanation),
		attributes:  lowerList(score.Attributes, lowerAttribute),
	}
	switch value := score.Value.(type) {
	case float64:
		raw.kind, raw.value = 0, *(*uint64)(unsafe.Pointer(&value))
	case bool:
		raw.kind, raw.value = 1, uint64(truth(value))
	case string:
		raw.kind, raw.value = 2, wordsOf(lowerText(value))
	default:
		panic(fmt.Sprintf("the score %q has a value of type %T; it may be float64, bool or string", score.Name, value))
	}
	return raw
}

type rawFinding struct {
	category, code rawText
	severity       Severity
	confidence     float64
	span           option[Span]
	explanation    option[rawText]
	attributes     list[rawAttribute]
}

func lowerSpan(span *Span) option[Span] {
	if span == nil {
		return option[Span]{}
	}
	return option[Span]{true, *span}
}

func lowerFinding(finding Finding) rawFinding {
	return rawFinding{
		lowerText(finding.Category), lowerText(finding.Code), finding.Severity, finding.Confidence,
		lowerSpan(finding.Span), lowerExplanation(finding.Explanation), lowerList(finding.Attributes, lowerAttribute),
	}
}

type rawBiasFinding struct {
	dimension   rawText
	severity    Severity
	confidence  float64
	span        option[Span]
	explanation option[rawText]
	attributes  list[rawAttribute]
}

func lowerBiasFinding(finding BiasFinding) rawBiasFinding {
	return rawBiasFinding{
		lowerText(finding.Dimension), finding.Severity, finding.Confidence, lowerSpan(finding.Span),
		lowerExplanation(finding.Explanation), lowerList(finding.Attributes, lowerAttribute),
	}
}

type rawCostItem struct {
	name                        rawText
	quantity, unitPrice, amount uint64
}

type rawCost struct {
	currency   rawText
	amount     uint64
	items      list[rawCostItem]
	priceList  rawText
	attributes list[rawAttribute]
}

func lowerCostItem(item CostItem) rawCostItem {
	return rawCostItem{lowerText(item.Name), item.Quantity, item.UnitPrice, item.Amount}
}

func lowerCost(cost *Cost) option[rawCost] {
	if cost == nil {
		return option[rawCost]{}
	}
	return option[rawCost]{true, rawCost{
		lowerText(cost.Currency), cost.Amount, lowerList(cost.Items, lowerCostItem), lowerText(cost.PriceList),
		lowerList(cost.Attributes, lowerAttribute),
	}}
}

type rawFailure struct {
	code, message rawText
	transient     bool
}

// The verdict or the failure, behind the byte that says which. Both start where the wider of the two may.
func judged[T any](none T, err error, lower func() T) uint32 {
	if err == nil {
		return put(struct {
			isFailed bool
			verdict  T
		}{false, lower()})
	}
	failure := Failure{Code: "internal", Message: err.Error()}
	errors.As(err, &failure)
	raw := rawFailure{lowerText(failure.Code), lowerText(failure.Message), failure.Transient}
	// The field without a size gives the failure the place that the verdict would have.
	return put(struct {
		isFailed bool
		_        [0]T
		failure  rawFailure
		rest     T
	}{true, [0]T{}, raw, none})
}

// ---- Exports

type rawDescription struct {
	name, version, summary rawText
	configSchema           option[rawText]
	attributes             list[rawAttribute]
}

var plugin struct {
	about    About
	config   any
	evaluate func(given uint32) uint32
}

func register(about About, config any, evaluate func(uint32) uint32) {
	if plugin.evaluate != nil {
		panic("two plugins in one: a plugin in Go is of one kind")
	}
	plugin.about, plugin.config, plugin.evaluate = about, config, evaluate
}

//go:wasmexport describe
func describe() uint32 {
	defer reportPanic()
	about := plugin.about
	description := put(rawDescription{
		name:         lowerText(about.Name),
		version:      lowerText(about.Version),
		summary:      lowerText(about.Summary),
		configSchema: option[rawText]{true, lowerText(schemaOf(plugin.config))},
	})
	isOver = true
	return description
}

//go:wasmexport configure
func configure(ptr, len uint32) uint32 {
	defer reportPanic()
	var answer struct {
		isRefused bool
		reason    rawText
	}
	if err := readConfig([]byte(rawText{ptr, len}.String()), plugin.config); err != nil {
		answer.isRefused, answer.reason = true, lowerText(err.Error())
	}
	result := put(answer)
	isOver = true
	// A call starts from a heap without garbage, and collects none unless it needs much.
	runtime.GC()
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(32 << 20)
	return result
}

func evaluate(given uint32) uint32 {
	defer reportPanic()
	result := plugin.evaluate(given)
	isOver = true
	return result
}

//go:wasmexport tribunal:plugin/scorer@0.1.0#evaluate
func evaluateScorer(given uint32) uint32 { return evaluate(given) }

//go:wasmexport tribunal:plugin/error-classifier@0.1.0#evaluate
func evaluateErrorClassifier(given uint32) uint32 { return evaluate(given) }

//go:wasmexport tribunal:plugin/bias-check@0.1.0#evaluate
func evaluateBiasCheck(given uint32) uint32 { return evaluate(given) }

//go:wasmexport tribunal:plugin/pricing-adapter@0.1.0#evaluate
func evaluatePricingAdapter(given uint32) uint32 { return evaluate(given) }
