/* What a picture shows, for xscan.engine.triage.look, which says what is measured and has the same with OpenCV.

Reduced bilinearly, in OpenCV's fixed-point numbers and only where it is looked at; then counted; then, where there are
nearly white pixels, opened by a square and searched for strokes. All of it is whole numbers: the results are OpenCV's.
Limited API of Python 3.11 (PEP 384): one build serves all later versions. */

#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The same source for the widest registers that the processor has, where the compiler can choose at run time. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

enum { STROKE = 9, HALF = STROKE / 2, WHITE = 225, STANDS_OUT = 61, LEAST = 16 }; /* as in look.py */

/* Where an output pixel is taken from along one axis: a pixel and the next one, in parts of 2048. */
typedef struct {
    int32_t first, near, far;
} Between;

static Between between(size_t number, size_t length, size_t parts) {
    const double scale = 1.0 / ((double)parts / (double)length);
    const float at = (float)(((double)number + 0.5) * scale - 0.5);
    const float whole = floorf(at), rest = at - whole;
    if (whole < 0) return (Between){0, 2048, 0};
    if (whole >= (float)(length - 1)) return (Between){(int32_t)length - 2, 0, 2048};
    return (Between){(int32_t)whole, (int32_t)lrintf((1.0f - rest) * 2048), (int32_t)lrintf(rest * 2048)};
}

/* The picture's size in pixels, reduced; its middle begins `top` rows down and `left` columns in. */
typedef struct {
    size_t rows, columns, height, width, top, left, high, wide;
} Shape;

/* One row of the middle from two of the picture. Four pixels are loaded for the two that count, in one go: the middle
ends well before the picture does. */
FASTEST static void mix(const uint8_t *above, const uint8_t *below, const int32_t *restrict first,
                        const int32_t *restrict near, const int32_t *restrict far, Between down, uint8_t *restrict out,
                        size_t wide) {
    for (size_t x = 0; x < wide; x++) {
        uint32_t a, b;
        memcpy(&a, above + first[x], sizeof a);
        memcpy(&b, below + first[x], sizeof b);
        const int32_t high = (int32_t)(a & 255) * near[x] + (int32_t)(a >> 8 & 255) * far[x];
        const int32_t low = (int32_t)(b & 255) * near[x] + (int32_t)(b >> 8 & 255) * far[x];
        out[x] = (uint8_t)((((down.near * (high >> 4)) >> 16) + ((down.far * (low >> 4)) >> 16) + 2) >> 2);
    }
}

/* middle: [high, wide]. across: room for three numbers a column. */
static void reduce(const uint8_t *grey, Shape s, uint8_t *middle, int32_t *across) {
    int32_t *first = across, *near = first + s.wide, *far = near + s.wide;
    if (s.rows == s.height && s.columns == s.width) {
        for (size_t y = 0; y < s.high; y++)
            memcpy(middle + y * s.wide, grey + (s.top + y) * s.columns + s.left, s.wide);
        return;
    }
    for (size_t x = 0; x < s.wide; x++) {
        const Between b = between(s.left + x, s.columns, s.width);
        first[x] = b.first, near[x] = b.near, far[x] = b.far;
    }
    for (size_t y = 0; y < s.high; y++) {
        const Between down = between(s.top + y, s.rows, s.height);
        const uint8_t *above = grey + (size_t)down.first * s.columns;
        mix(above, above + s.columns, first, near, far, down, middle + y * s.wide, s.wide);
    }
}

/* counts of each grey level; four tables, so that equal neighbours need not wait for each other */
static void count(const uint8_t *grey, size_t size, uint32_t counts[256]) {
    uint32_t tables[4][256];
    size_t i = 0;
    memset(tables, 0, sizeof tables);
    for (; i + 4 <= size; i += 4)
        for (int t = 0; t < 4; t++) tables[t][grey[i + (size_t)t]]++;
    for (; i < size; i++) tables[0][grey[i]]++;
    for (int v = 0; v < 256; v++) counts[v] = tables[0][v] + tables[1][v] + tables[2][v] + tables[3][v];
}

/* The least (or the greatest) of the square around each pixel, as far as it lies inside. from and to may be one.
rest: [high, wide]. line: room for wide + STROKE. */
#define LESS(a, b) ((a) < (b) ? (a) : (b))
#define MORE(a, b) ((a) > (b) ? (a) : (b))
#define OF_NINE(BETTER, AT)                                                                                            \
    BETTER(BETTER(BETTER(BETTER(AT(0), AT(1)), BETTER(AT(2), AT(3))),                                                  \
                  BETTER(BETTER(AT(4), AT(5)), BETTER(AT(6), AT(7)))), AT(8))
#define ALONG(i) line[x + (i)]
#define DOWN(i) row[i][x]
#define SQUARE(NAME, BETTER, WORST)                                                                                    \
    FASTEST static void NAME(const uint8_t *from, uint8_t *to, size_t high, size_t wide, uint8_t *restrict rest,       \
                             uint8_t *restrict line) {                                                                 \
        memset(line, WORST, wide + STROKE);                                                                            \
        for (size_t y = 0; y < high; y++) {                                                                            \
            uint8_t *restrict out = rest + y * wide;                                                                   \
            memcpy(line + HALF, from + y * wide, wide);                                                                \
            for (size_t x = 0; x < wide; x++) out[x] = OF_NINE(BETTER, ALONG);                                         \
        }                                                                                                              \
        for (size_t y = 0; y < high; y++) {                                                                            \
            uint8_t *restrict out = to + y * wide;                                                                     \
            const uint8_t *row[STROKE]; /* beyond the edge the edge's own, which counts already */                     \
            for (size_t i = 0; i < STROKE; i++) {                                                                      \
                const size_t at = y + i < HALF ? 0 : y + i - HALF;                                                     \
                row[i] = rest + LESS(at, high - 1) * wide;                                                             \
            }                                                                                                          \
            for (size_t x = 0; x < wide; x++) out[x] = OF_NINE(BETTER, DOWN);                                          \
        }                                                                                                              \
    }
SQUARE(erode, LESS, 255)
SQUARE(dilate, MORE, 0)

/* bright = 1 where a pixel is nearly white and stands out of its opening */
FASTEST static void mark(const uint8_t *grey, uint8_t *bright, size_t size) {
    for (size_t i = 0; i < size; i++) bright[i] = (grey[i] > WHITE) & (grey[i] - bright[i] >= STANDS_OUT);
}

/* How many connected parts of bright have a letter's size. Clears bright. stack: room for every pixel. */
static long strokes(uint8_t *bright, size_t high, size_t wide, uint32_t *stack) {
    const double least = high * 0.012, most = high * 0.12;
    long found = 0;
    for (size_t at = 0; at < high * wide; at++) {
        size_t depth = 0, top = high, bottom = 0, left = wide, right = 0;
        const uint8_t *next = memchr(bright + at, 1, high * wide - at);
        if (next == NULL) break;
        at = (size_t)(next - bright);
        bright[at] = 0;
        stack[depth++] = (uint32_t)at;
        while (depth) {
            const size_t pixel = stack[--depth], y = pixel / wide, x = pixel % wide;
            const size_t up = y ? y - 1 : y, down = y + 1 < high ? y + 1 : y;
            const size_t west = x ? x - 1 : x, east = x + 1 < wide ? x + 1 : x;
            top = LESS(top, y), bottom = MORE(bottom, y), left = LESS(left, x), right = MORE(right, x);
            for (size_t j = up; j <= down; j++)
                for (size_t i = west; i <= east; i++)
                    if (bright[j * wide + i]) {
                        bright[j * wide + i] = 0;
                        stack[depth++] = (uint32_t)(j * wide + i);
                    }
        }
        const double tall = (double)(bottom - top + 1), across = (double)(right - left + 1);
        found += tall >= MORE(4.0, least) && tall <= most && across <= 4 * tall;
    }
    return found;
}

static long letters(const uint8_t *middle, const uint32_t counts[256], Shape s, uint8_t *opened, uint8_t *rest,
                    uint8_t *line, uint32_t *stack) {
    uint32_t white = 0;
    for (int v = WHITE + 1; v < 256; v++) white += counts[v];
    if (!white) return 0;
    erode(middle, opened, s.high, s.wide, rest, line);
    dilate(opened, opened, s.high, s.wide, rest, line);
    mark(middle, opened, s.high * s.wide);
    return strokes(opened, s.high, s.wide, stack);
}

static int fits(const Py_buffer *source, Py_ssize_t height, Py_ssize_t width) {
    if (source->ndim != 2 || source->itemsize != 1 || height < LEAST || width < LEAST) return 0;
    if (source->shape[0] < height || source->shape[1] < width) return 0;
    return source->shape[0] <= INT32_MAX && source->shape[1] <= INT32_MAX;
}

static PyObject *look(PyObject *module, PyObject *arguments) {
    PyObject *from, *result = NULL;
    Py_ssize_t height, width;
    Py_buffer source;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Onn", &from, &height, &width)) return NULL;
    if (PyObject_GetBuffer(from, &source, PyBUF_C_CONTIGUOUS)) return NULL;
    if (!fits(&source, height, width)) {
        PyErr_SetString(PyExc_ValueError, "an 8-bit picture, and a size that is no larger and not below 16 a side");
        PyBuffer_Release(&source);
        return NULL;
    }
    Shape s = {(size_t)source.shape[0], (size_t)source.shape[1], (size_t)height, (size_t)width, 0, 0, 0, 0};
    s.top = s.height / 8, s.left = s.width / 8;
    s.high = s.height - 2 * s.top, s.wide = s.width - 2 * s.left;
    const size_t size = s.high * s.wide;
    /* numbers first, so that they begin where they may */
    uint8_t *room = PyMem_Malloc((3 * s.wide + size) * sizeof(int32_t) + 3 * size + s.wide + STROKE);
    if (room == NULL) {
        PyErr_NoMemory();
    } else {
        int32_t *across = (int32_t *)room;
        uint32_t *stack = (uint32_t *)(across + 3 * s.wide), counts[256];
        uint8_t *middle = (uint8_t *)(stack + size), *opened = middle + size, *rest = opened + size;
        long found;
        Py_BEGIN_ALLOW_THREADS
        reduce(source.buf, s, middle, across);
        count(middle, size, counts);
        found = letters(middle, counts, s, opened, rest, rest + size, stack);
        Py_END_ALLOW_THREADS
        PyObject *levels = PyBytes_FromStringAndSize((const char *)counts, sizeof counts);
        result = levels == NULL ? NULL : Py_BuildValue("Nl", levels, found);
    }
    PyMem_Free(room);
    PyBuffer_Release(&source);
    return result;
}

static PyMethodDef methods[] = {
    {"look", look, METH_VARARGS,
     "look(grey, height, width): of the middle of a picture reduced to that size, how many pixels have each of the 256 "
     "grey levels (uint32, as bytes), and how many strokes of letters there are."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_look", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__look(void) {
    const uint32_t one = 1;
    if (*(const uint8_t *)&one != 1) { /* `mix` takes the first pixel from a number's lowest byte */
        PyErr_SetString(PyExc_ImportError, "made for processors whose lowest byte comes first");
        return NULL;
    }
    return PyModuleDef_Init(&definition);
}
