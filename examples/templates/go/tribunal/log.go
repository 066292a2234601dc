package tribunal

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

//go:wasmimport tribunal:plugin/log@0.1.0 log
func hostLog(level uint32, ptr unsafe.Pointer, len uint32)

//go:wasmimport tribunal:plugin/abort@0.1.0 abort
func hostAbort(ptr unsafe.Pointer, len uint32)

func Trace(format string, values ...any) { write(0, format, values) }

func Debug(format string, values ...any) { write(1, format, values) }

// Log writes a line for the operator.
func Log(format string, values ...any) { write(2, format, values) }

func Warn(format string, values ...any) { write(3, format, values) }

func Error(format string, values ...any) { write(4, format, values) }

func write(level uint32, format string, values []any) {
	line := fmt.Sprintf(format, values...)
	hostLog(level, unsafe.Pointer(unsafe.StringData(line)), uint32(len(line)))
	runtime.KeepAlive(line)
}

// A panic ends the call, which is stored as failed with its message and where it happened.
func reportPanic() {
	reason := recover()
	if reason == nil {
		return
	}
	message := fmt.Sprint(reason) + where()
	hostAbort(unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
	panic(message)
}

// The plugin's own line that was the last to run.
func where() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "main.") {
			file := frame.File[strings.LastIndexByte(frame.File, '/')+1:]
			return fmt.Sprintf(" at %s:%d", file, frame.Line)
		}
		if !more {
			return ""
		}
	}
}
