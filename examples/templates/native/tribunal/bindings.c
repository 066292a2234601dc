// The generated bindings, and the memory of a call: an arena that is there from the start, so that a call that stays
// within it never grows its memory, and chunks beyond it. C and C++ share this file.
#include "bindings.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA = 32 * 1024, CHUNK = 64 * 1024, ALIGNMENT = 16 };

typedef struct chunk {
    struct chunk *before;
} chunk;

static _Alignas(ALIGNMENT) uint8_t arena[ARENA];
static uint8_t *next = arena, *end = arena + ARENA;
static chunk *chunks;
static bool is_over; // the call, so that its memory goes with the next one's first allocation

static _Noreturn void out_of_memory(void) {
    static const char message[] = "out of memory";
    tribunal_abort(message, sizeof message - 1);
}

static void start_anew(void) {
    while (chunks) {
        chunk *gone = chunks;
        chunks = gone->before;
        free(gone);
    }
    next = arena;
    end = arena + ARENA;
    is_over = false;
}

void *tribunal_take(size_t size) {
    if (is_over) start_anew();
    if (size > SIZE_MAX / 2) out_of_memory();
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size > (size_t)(end - next)) {
        size_t room = ALIGNMENT + (size > CHUNK ? size : CHUNK);
        chunk *fresh = malloc(room);
        if (!fresh) out_of_memory();
        fresh->before = chunks;
        chunks = fresh;
        next = (uint8_t *)fresh + ALIGNMENT;
        end = (uint8_t *)fresh + room;
    }
    void *taken = next;
    next += size;
    return taken;
}

void tribunal_call_is_over(void) {
    is_over = true;
}

void tribunal_abort(const char *message, size_t len) {
    TRIBUNAL_WORLD(string_t) text = {(uint8_t *)message, len};
    tribunal_plugin_abort_abort(&text);
    __builtin_trap();
}

// ---- In place of the C library's malloc, which takes a page of 64 KiB for each size of block: blocks of powers of two
// after a header, those that are free in a list for each size, out of the rest of the memory that is there and then more.

typedef struct block {
    struct block *next; // while it is free
    size_t size;        // with the header; for memory of a wider alignment 0, and `next` is the block it lies in
    _Alignas(ALIGNMENT) uint8_t bytes[];
} block;

static block *free_blocks[32];
static uintptr_t heap, heap_end;
extern uint8_t __heap_base;

static block *fresh_block(size_t size) {
    if (!heap) {
        heap = ((uintptr_t)&__heap_base + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
        heap_end = __builtin_wasm_memory_size(0) * 65536;
    }
    while (size > heap_end - heap) {
        size_t pages = (size - (heap_end - heap) + 65535) / 65536;
        size_t before = __builtin_wasm_memory_grow(0, pages);
        if (before == (size_t)-1) return NULL;
        // Somebody else may have grown the memory too.
        if (before * 65536 != heap_end) heap = before * 65536;
        heap_end = (before + pages) * 65536;
    }
    block *fresh = (block *)heap;
    heap += size;
    fresh->size = size;
    return fresh;
}

void *malloc(size_t size) {
    if (size > 0x40000000) return NULL;
    int order = 32 - __builtin_clz((uint32_t)(size + sizeof(block) - 1));
    block *taken = free_blocks[order];
    if (taken) free_blocks[order] = taken->next;
    else taken = fresh_block((size_t)1 << order);
    return taken ? taken->bytes : NULL;
}

static block *block_of(void *memory) {
    block *found = (block *)((uint8_t *)memory - sizeof(block));
    return found->size ? found : found->next;
}

void free(void *memory) {
    if (!memory) return;
    block *freed = block_of(memory);
    int order = __builtin_ctz((uint32_t)freed->size);
    freed->next = free_blocks[order];
    free_blocks[order] = freed;
}

void *calloc(size_t count, size_t size) {
    size_t all;
    void *memory = __builtin_mul_overflow(count, size, &all) ? NULL : malloc(all);
    return memory ? memset(memory, 0, all) : NULL;
}

void *realloc(void *memory, size_t size) {
    if (!memory) return malloc(size);
    block *old = block_of(memory);
    size_t room = (size_t)((uint8_t *)old + old->size - (uint8_t *)memory);
    if (size <= room) return memory;
    void *grown = malloc(size);
    if (!grown) return NULL;
    memcpy(grown, memory, room);
    free(memory);
    return grown;
}

void *aligned_alloc(size_t alignment, size_t size) {
    if (alignment <= ALIGNMENT) return malloc(size);
    if (alignment > 0x10000000 || size > 0x10000000) return NULL;
    uint8_t *memory = malloc(size + alignment + sizeof(block));
    if (!memory) return NULL;
    uintptr_t aligned = ((uintptr_t)memory + sizeof(block) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    block *header = (block *)(aligned - sizeof(block));
    *header = (block){(block *)(memory - sizeof(block)), 0};
    return (void *)aligned;
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = aligned_alloc(alignment, size);
    return *memory ? 0 : 12; // ENOMEM
}

// In place of the C library's as well. The linker takes all of these where this file comes first among those it is given.
_Noreturn void abort(void) {
    static const char message[] = "the plugin called abort";
    tribunal_abort(message, sizeof message - 1);
}

// The bindings allocate what a call is given and free what it gave back: both are the arena's.
static void *call_realloc(void *old, size_t size) {
    // The host asks for memory and never for more of it.
    return old ? NULL : tribunal_take(size);
}

static void call_free(void *memory) {
    (void)memory;
}

#define realloc(old, size) call_realloc(old, size)
#define malloc(size) tribunal_take(size)
#define free(memory) call_free(memory)
#if __has_include("scorer_judge.h")
#include "scorer_judge.c"
#elif __has_include("error_classifier_judge.h")
#include "error_classifier_judge.c"
#elif __has_include("bias_check_judge.h")
#include "bias_check_judge.c"
#else
#include "pricing_adapter_judge.c"
#endif
#undef realloc
#undef malloc
#undef free
