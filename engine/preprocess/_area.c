/* Exact area averaging of a grey picture, for xscan.engine.preprocess.area, which says what it computes and has the same in NumPy.

Integers throughout, so that compiler, processor and fallback cannot differ by a grey level. A pixel is `height` units
high and an output row covers `rows` of them, so that every share of a pixel is a whole number; likewise across.
Limited API of Python 3.11 (PEP 384): one build serves all later versions. */

#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* The same source for the widest registers that the processor has, where the compiler can choose at run time. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

/* One of `parts` equal parts of a line of pixels: its outermost pixels, and how many units of each belong to it. */
typedef struct {
    size_t first, last;
    uint32_t head, tail;
} Part;

static Part part(size_t number, size_t length, size_t parts) {
    const uint64_t start = (uint64_t)number * length, end = start + length;
    Part p = {(size_t)(start / parts), (size_t)((end - 1) / parts), 0, 0};
    p.head = (uint32_t)((p.first + 1) * parts - start);
    p.tail = (uint32_t)(end - p.last * parts);
    if (p.first == p.last) { /* one pixel, whole, since there are no more parts than pixels */
        p.head = (uint32_t)length;
        p.tail = 0;
    }
    return p;
}

/* sums[c] = the weighted sum of column c over one output row. unit: of a pixel that belongs to it whole. */
#define SUM_ROWS(NAME, PIXEL)                                                                                          \
    FASTEST static void NAME(const PIXEL *pixels, size_t columns, Part down, uint32_t unit,                            \
                             uint32_t *restrict sums) {                                                                \
        const PIXEL *top = pixels + down.first * columns, *bottom = pixels + down.last * columns;                      \
        size_t row = down.first + 1;                                                                                   \
        memset(sums, 0, columns * sizeof *sums);                                                                       \
        for (; row + 4 <= down.last; row += 4) { /* four at once: fewer passes over sums */                            \
            const PIXEL *a = pixels + row * columns, *b = a + columns, *c = b + columns, *d = c + columns;             \
            for (size_t i = 0; i < columns; i++) sums[i] += (uint32_t)a[i] + b[i] + c[i] + d[i];                       \
        }                                                                                                              \
        for (; row < down.last; row++) {                                                                               \
            const PIXEL *a = pixels + row * columns;                                                                   \
            for (size_t i = 0; i < columns; i++) sums[i] += a[i];                                                      \
        }                                                                                                              \
        for (size_t i = 0; i < columns; i++)                                                                           \
            sums[i] = sums[i] * unit + top[i] * down.head + bottom[i] * down.tail;                                     \
    }
SUM_ROWS(sum_rows_8, uint8_t)
SUM_ROWS(sum_rows_16, uint16_t)

typedef struct {
    size_t rows, columns, height, width, itemsize;
} Shape;

/* across: room for `width` parts. sums: room for `columns` sums. */
static void shrink(const void *source, void *target, Shape shape, Part *across, uint32_t *sums) {
    const uint64_t area = (uint64_t)shape.rows * shape.columns;
    for (size_t x = 0; x < shape.width; x++) across[x] = part(x, shape.columns, shape.width);
    for (size_t y = 0; y < shape.height; y++) {
        const Part down = part(y, shape.rows, shape.height);
        if (shape.itemsize == 1)
            sum_rows_8(source, shape.columns, down, (uint32_t)shape.height, sums);
        else
            sum_rows_16(source, shape.columns, down, (uint32_t)shape.height, sums);
        for (size_t x = 0; x < shape.width; x++) {
            const Part p = across[x];
            uint64_t total = 0;
            for (size_t c = p.first + 1; c < p.last; c++) total += sums[c];
            total = total * shape.width + (uint64_t)sums[p.first] * p.head + (uint64_t)sums[p.last] * p.tail;
            total = (2 * total + area) / (2 * area); /* halves up */
            if (shape.itemsize == 1)
                ((uint8_t *)target)[y * shape.width + x] = (uint8_t)total;
            else
                ((uint16_t *)target)[y * shape.width + x] = (uint16_t)total;
        }
    }
}

static int fits(const Py_buffer *source, const Py_buffer *target) {
    if (source->ndim != 2 || target->ndim != 2 || source->itemsize != target->itemsize) return 0;
    if (source->itemsize != 1 && source->itemsize != 2) return 0;
    if (target->shape[0] < 1 || target->shape[1] < 1) return 0;
    if (source->shape[0] < target->shape[0] || source->shape[1] < target->shape[1]) return 0;
    return source->shape[0] <= 65535 && source->shape[1] <= 65535; /* sums of a column fit 32 bits, all sums 64 */
}

static PyObject *area_shrink(PyObject *module, PyObject *arguments) {
    PyObject *from, *to, *result = NULL;
    Py_buffer source, target;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OO", &from, &to)) return NULL;
    if (PyObject_GetBuffer(from, &source, PyBUF_C_CONTIGUOUS)) return NULL;
    if (PyObject_GetBuffer(to, &target, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)) {
        PyBuffer_Release(&source);
        return NULL;
    }
    if (!fits(&source, &target)) {
        PyErr_SetString(PyExc_ValueError, "pictures of one kind, 8 or 16 bits, at most 65535 a side, and none larger");
    } else {
        Shape shape = {(size_t)source.shape[0], (size_t)source.shape[1], (size_t)target.shape[0],
                       (size_t)target.shape[1], (size_t)source.itemsize};
        uint32_t *sums = PyMem_Malloc(shape.columns * sizeof *sums);
        Part *across = PyMem_Malloc(shape.width * sizeof *across);
        if (sums == NULL || across == NULL) {
            PyErr_NoMemory();
        } else {
            Py_BEGIN_ALLOW_THREADS
            shrink(source.buf, target.buf, shape, across, sums);
            Py_END_ALLOW_THREADS
            Py_INCREF(Py_None);
            result = Py_None;
        }
        PyMem_Free(across);
        PyMem_Free(sums);
    }
    PyBuffer_Release(&target);
    PyBuffer_Release(&source);
    return result;
}

static PyMethodDef methods[] = {
    {"shrink", area_shrink, METH_VARARGS, "shrink(source, target): area averages of source, uint8 or uint16, 2-D."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_area", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__area(void) { return PyModuleDef_Init(&definition); }
