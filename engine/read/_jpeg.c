/* Huffman-coded JPEG of one component that libjpeg-turbo reads through no binding that passes its warnings on: lossless
(T.81 process 14, 2 to 16 bits) and extended sequential of 12 bits. The same values as libjpeg-turbo's, and what
it only warns of ends the decoding: an unknown code, data that ends before the picture, data left over.
xscan.engine.read.jpeg_decode says what else there is and what happens without a compiler.
Limited API of Python 3.11 (PEP 384): one build serves all later versions. */

#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { WHOLE, CORRUPT, TRUNCATED, OTHER }; /* OTHER: not a stream for this decoder */
/* Bits of a code that are looked up at once, and of a code with the number behind it; zero bytes that may stand before a
marker. */
enum { QUICK = 11, BOTH = 13, PADDING = 3 };

/* The same source for the widest registers that the processor has, where the compiler can choose at run time. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

typedef struct {
    const uint8_t *at, *end; /* entropy-coded data, up to the end of the stream */
    uint64_t bits;           /* the next bits, from the top; zeros below `count` */
    int count;
} Reader;

typedef struct {
    uint8_t known, length[1 << QUICK], symbol[1 << QUICK], values[256];
    int32_t last[18], shift[17]; /* by length: the last code, and its value's index less the code */
    struct {
        int16_t number;
        uint8_t length, symbol;
    } both[1 << BOTH]; /* length 0: longer than BOTH, or no number follows */
} Table;

typedef struct {
    int process, precision, rows, columns, predictor, transform, interval;
    uint16_t steps[4][64];
    uint8_t stepped[4], quantiser;
    Table dc[4], ac[4], *first, *rest;
    Reader reader;
} Stream;

static const uint8_t ZIGZAG[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                   12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                   35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                   58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/* Bits up to the next marker, at least 48 of them where there are as many. */
static void fill(Reader *r) {
    while (r->count <= 32 && r->end - r->at >= 4) {
        const uint32_t word = (uint32_t)r->at[0] << 24 | (uint32_t)r->at[1] << 16 | (uint32_t)r->at[2] << 8 | r->at[3];
        if ((~word - 0x01010101u) & word & 0x80808080u) break; /* one of the four may be FF */
        r->bits |= (uint64_t)word << (32 - r->count);
        r->count += 32, r->at += 4;
    }
    while (r->count <= 56 && r->at < r->end) {
        const uint8_t byte = *r->at;
        if (byte == 0xFF) {
            if (r->end - r->at < 2 || r->at[1] != 0) return;
            r->at++;
        }
        r->bits |= (uint64_t)byte << (56 - r->count);
        r->count += 8, r->at++;
    }
}

static inline void drop(Reader *r, int count) { r->bits <<= count, r->count -= count; }

/* T.81 F.2.2.3: the next symbol, or a negative number: which end. */
static inline int next_symbol(Reader *r, const Table *table) {
    if (r->count < 32) fill(r);
    const uint32_t quick = (uint32_t)(r->bits >> (64 - QUICK));
    int length = table->length[quick], symbol = table->symbol[quick];
    if (length == 0) {
        int32_t code = 0;
        for (length = QUICK + 1; length <= 16; length++) {
            code = (int32_t)(r->bits >> (64 - length));
            if (code <= table->last[length]) break;
        }
        if (length > 16) return r->count < 16 ? -TRUNCATED : -CORRUPT;
        symbol = table->values[(code + table->shift[length]) & 255];
    }
    if (length > r->count) return -TRUNCATED;
    drop(r, length);
    return symbol;
}

/* T.81 F.2.2.1: `size` further bits as a signed number. size: 1 to 15. Asks for what next_symbol filled: 32 bits at
least, of which it took 16 at most. */
static inline int32_t signed_bits(Reader *r, int size) {
    const int32_t value = (int32_t)(r->bits >> (64 - size));
    drop(r, size);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}

/* For each row of bits a short code and its number in one go. `low`: of a symbol, the bits that are the number's size. */
static void pair(Table *table, int low) {
    for (uint32_t i = 0; i < 1 << BOTH; i++) {
        const uint32_t quick = i >> (BOTH - QUICK);
        const int length = table->length[quick], symbol = table->symbol[quick], size = symbol & low;
        table->both[i].length = 0;
        if (length == 0 || size == 0 || size > 15 || length + size > BOTH) continue;
        Reader r = {NULL, NULL, (uint64_t)i << (64 - BOTH) << length, 64};
        table->both[i].number = (int16_t)signed_bits(&r, size);
        table->both[i].length = (uint8_t)(length + size), table->both[i].symbol = (uint8_t)symbol;
    }
}

/* After the last code before a marker: fewer than eight bits are left, or a few zero bytes. */
static int nothing_left(Reader *r) {
    fill(r);
    if (r->count < 0) return TRUNCATED;
    const int bytes = r->count / 8;
    drop(r, r->count % 8);
    return bytes <= PADDING && r->bits == 0 ? WHOLE : CORRUPT;
}

/* The marker after entropy-coded data; 0 without one. */
static int next_marker(Reader *r) {
    while (r->end - r->at >= 2 && r->at[0] == 0xFF && r->at[1] == 0xFF) r->at++;
    if (r->end - r->at < 2) return 0;
    r->at += 2;
    return r->at[-1];
}

static int restart(Reader *r, int number) {
    const int left = nothing_left(r);
    if (left != WHOLE) return left;
    const int marker = next_marker(r);
    r->bits = 0, r->count = 0;
    if (marker == 0) return TRUNCATED;
    return marker == 0xD0 + (number & 7) ? WHOLE : CORRUPT;
}

/* T.81 C.2. data: 16 counts, then the values. Gives the bytes used, 0 for a damaged table. */
static size_t build(Table *table, const uint8_t *data, size_t size) {
    size_t total = 0;
    int32_t code = 0;
    for (int length = 1; size >= 16 && length <= 16; length++) total += data[length - 1];
    if (size < 16 || total > 256 || 16 + total > size) return 0;
    memset(table, 0, sizeof *table);
    memcpy(table->values, data + 16, total);
    int32_t index = 0;
    for (int length = 1; length <= 16; length++) {
        const int32_t count = data[length - 1];
        if (code + count > 1 << length) return 0;
        table->shift[length] = index - code;
        table->last[length] = count ? code + count - 1 : -1;
        for (int32_t i = 0; length <= QUICK && i < count; i++)
            for (int32_t j = 0; j < 1 << (QUICK - length); j++) {
                const int32_t place = ((code + i) << (QUICK - length)) + j;
                table->length[place] = (uint8_t)length, table->symbol[place] = table->values[index + i];
            }
        index += count, code = (code + count) << 1;
    }
    table->known = 1;
    return 16 + total;
}

/* Everything before the entropy-coded data. */
static int read_header(Stream *s, const uint8_t *data, size_t size) {
    size_t at = 2;
    while (at + 4 <= size) {
        const uint8_t marker = data[at + 1];
        if (data[at] != 0xFF) return CORRUPT;
        if (marker == 0xFF || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
            at += marker == 0xFF ? 1 : 2;
            continue;
        }
        const size_t length = (size_t)data[at + 2] << 8 | data[at + 3];
        const uint8_t *body = data + at + 4;
        if (length < 2 || at + 2 + length > size) return TRUNCATED;
        size_t left = length - 2;
        at += 2 + length;
        if (marker == 0xC4) {
            while (left) {
                if (left < 17 || (body[0] & 0xEC)) return CORRUPT;
                const size_t used = build((body[0] >> 4 ? s->ac : s->dc) + (body[0] & 3), body + 1, left - 1);
                if (!used) return CORRUPT;
                body += 1 + used, left -= 1 + used;
            }
        } else if (marker == 0xDB) {
            while (left) {
                const size_t wide = body[0] >> 4 ? 2 : 1;
                if (left < 1 + 64 * wide || (body[0] & 0xEC)) return CORRUPT;
                for (int i = 0; i < 64; i++)
                    s->steps[body[0] & 3][ZIGZAG[i]] =
                        wide == 2 ? (uint16_t)(body[1 + 2 * i] << 8 | body[2 + 2 * i]) : body[1 + i];
                s->stepped[body[0] & 3] = 1;
                body += 1 + 64 * wide, left -= 1 + 64 * wide;
            }
        } else if (marker == 0xDD) {
            if (left < 2) return CORRUPT;
            s->interval = body[0] << 8 | body[1];
        } else if (marker == 0xC3 || marker == 0xC1) {
            if (left < 9 || body[5] != 1 || body[8] > 3) return OTHER;
            s->process = marker, s->precision = body[0];
            s->rows = body[1] << 8 | body[2], s->columns = body[3] << 8 | body[4];
            s->quantiser = body[8];
        } else if ((marker & 0xF0) == 0xC0 && marker != 0xC8 && marker != 0xCC) {
            return OTHER;
        } else if (marker == 0xDA) {
            if (left < 6 || body[0] != 1 || !s->process || (body[2] & 0xCC)) return OTHER;
            s->first = s->dc + (body[2] >> 4), s->rest = s->ac + (body[2] & 15);
            s->predictor = body[3], s->transform = body[5] & 15;
            s->reader = (Reader){data + at, data + size, 0, 0};
            return WHOLE;
        }
    }
    return TRUNCATED;
}

/* T.81 H.1.2.1. a: left, b: above, c: above left. */
static inline int32_t predict(int predictor, int32_t a, int32_t b, int32_t c) {
    switch (predictor) {
        case 1: return a;
        case 2: return b;
        case 3: return c;
        case 4: return a + b - c;
        case 5: return a + ((b - c) >> 1);
        case 6: return b + ((a - c) >> 1);
        default: return (a + b) >> 1;
    }
}

/* One row. above: the row before, or NULL after a start. Gives which end. */
static inline int lossless_row(Stream *s, int predictor, const uint16_t *above, uint16_t *row) {
    const Table *table = s->first;
    Reader r = s->reader; /* in registers */
    int32_t left = above ? above[0] : 1 << (s->precision - s->transform - 1);
    for (int x = 0; x < s->columns; x++) {
        int32_t difference = 0;
        if (r.count < 32) fill(&r);
        const uint32_t both = (uint32_t)(r.bits >> (64 - BOTH));
        if (table->both[both].length) {
            difference = table->both[both].number;
            drop(&r, table->both[both].length);
        } else {
            const int size = next_symbol(&r, table);
            if (size < 0) return -size;
            if (size > 16) return CORRUPT;
            if (size == 16) difference = 32768;
            else if (size) difference = signed_bits(&r, size);
        }
        if (r.count < 0) return TRUNCATED;
        if (above && x) left = predict(predictor, left, above[x], above[x - 1]);
        row[x] = (uint16_t)(left + difference);
        left = row[x];
    }
    s->reader = r;
    return WHOLE;
}

/* rows: room for two rows of differences undone. out: [rows, columns] of uint8 up to 8 bits, else of uint16. */
static int lossless(Stream *s, uint16_t *rows, uint8_t *out) {
    const int wide = s->precision > 8;
    if (s->interval % s->columns) return OTHER;
    pair(s->first, 255);
    for (int y = 0, done = 0; y < s->rows; y++) {
        uint16_t *row = rows + (size_t)(y & 1) * s->columns, *above = rows + (size_t)(~y & 1) * s->columns;
        int end = WHOLE;
        if (y == 0) above = NULL;
        if (y && s->interval && y % (s->interval / s->columns) == 0) {
            end = restart(&s->reader, done++);
            if (end != WHOLE) return end;
            above = NULL;
        }
        switch (s->predictor) { /* a loop of its own for each */
            case 1: end = lossless_row(s, 1, above, row); break;
            case 2: end = lossless_row(s, 2, above, row); break;
            case 3: end = lossless_row(s, 3, above, row); break;
            case 4: end = lossless_row(s, 4, above, row); break;
            case 5: end = lossless_row(s, 5, above, row); break;
            case 6: end = lossless_row(s, 6, above, row); break;
            default: end = lossless_row(s, 7, above, row);
        }
        if (end != WHOLE) return end;
        const size_t start = (size_t)y * s->columns;
        for (int x = 0; wide && x < s->columns; x++)
            ((uint16_t *)out)[start + x] = (uint16_t)(row[x] << s->transform);
        for (int x = 0; !wide && x < s->columns; x++) out[start + x] = (uint8_t)(row[x] << s->transform);
    }
    return WHOLE;
}

/* The inverse DCT of libjpeg's jidctint.c (Loeffler, Ligtenberg, Moschytz), in its fixed-point numbers for 12 bits:
eight columns at once. Compiled to wrap where damaged numbers are too large. */
static inline void columns(const int32_t in[64], int32_t out[64], int shift) {
    const int32_t half = 1 << (shift - 1);
    for (int x = 0; x < 8; x++) {
        const int32_t i0 = in[x], i1 = in[8 + x], i2 = in[16 + x], i3 = in[24 + x];
        const int32_t i4 = in[32 + x], i5 = in[40 + x], i6 = in[48 + x], i7 = in[56 + x];
        const int32_t z1 = (i2 + i6) * 4433, t2 = z1 - i6 * 15137, t3 = z1 + i2 * 6270;
        const int32_t t0 = (i0 + i4) * 8192, t1 = (i0 - i4) * 8192;
        const int32_t e0 = t0 + t3 + half, e1 = t1 + t2 + half, e2 = t1 - t2 + half, e3 = t0 - t3 + half;
        const int32_t z5 = (i7 + i3 + i5 + i1) * 9633, z2 = (i7 + i1) * -7373, z6 = (i5 + i3) * -20995;
        const int32_t z3 = (i7 + i3) * -16069 + z5, z4 = (i5 + i1) * -3196 + z5;
        const int32_t o0 = i1 * 12299 + z2 + z4, o1 = i3 * 25172 + z6 + z3;
        const int32_t o2 = i5 * 16819 + z6 + z4, o3 = i7 * 2446 + z2 + z3;
        out[x] = (e0 + o0) >> shift, out[56 + x] = (e0 - o0) >> shift;
        out[8 + x] = (e1 + o1) >> shift, out[48 + x] = (e1 - o1) >> shift;
        out[16 + x] = (e2 + o2) >> shift, out[40 + x] = (e2 - o2) >> shift;
        out[24 + x] = (e3 + o3) >> shift, out[32 + x] = (e3 - o3) >> shift;
    }
}

FASTEST static void inverse(const int16_t coefficients[64], const uint16_t steps[64], uint16_t block[64]) {
    int32_t one[64], two[64];
    for (int i = 0; i < 64; i++) one[i] = coefficients[i] * (int32_t)steps[i];
    columns(one, two, 12);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) one[8 * x + y] = two[8 * y + x];
    columns(one, two, 17);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            /* as its range_limit table wraps and clips */
            const int32_t value = (((two[8 * x + y] & 16383) ^ 8192) - 8192) + 2048;
            block[8 * y + x] = (uint16_t)(value < 0 ? 0 : value > 4095 ? 4095 : value);
        }
}

/* T.81 F.2.2: the coefficients of one block. */
static int read_block(Stream *s, int32_t *dc, int16_t coefficients[64]) {
    Reader *r = &s->reader;
    const Table *rest = s->rest;
    int size = next_symbol(r, s->first);
    if (size < 0) return -size;
    if (size > 15) return CORRUPT;
    if (size) *dc = (int32_t)((uint32_t)*dc + (uint32_t)signed_bits(r, size));
    coefficients[0] = (int16_t)*dc;
    for (int k = 1; k < 64; k++) {
        int32_t number;
        if (r->count < 32) fill(r);
        const uint32_t both = (uint32_t)(r->bits >> (64 - BOTH));
        int symbol = rest->both[both].symbol;
        if (rest->both[both].length) {
            number = rest->both[both].number;
            drop(r, rest->both[both].length);
        } else {
            symbol = next_symbol(r, rest);
            if (symbol < 0) return -symbol;
            size = symbol & 15;
            if (!size && symbol != 0xF0) break;
            number = size ? signed_bits(r, size) : 0;
        }
        k += symbol >> 4;
        if (k > 63) return CORRUPT;
        coefficients[ZIGZAG[k]] = (int16_t)number;
    }
    return r->count < 0 ? TRUNCATED : WHOLE;
}

/* out: uint16 [rows, columns]. */
static int extended(Stream *s, uint16_t *out) {
    int16_t coefficients[64];
    uint16_t block[64];
    int32_t dc = 0;
    pair(s->rest, 15);
    const int across = (s->columns + 7) / 8, down = (s->rows + 7) / 8;
    for (int y = 0, number = 0; y < down; y++)
        for (int x = 0; x < across; x++, number++) {
            int end = WHOLE;
            if (s->interval && number && number % s->interval == 0) {
                end = restart(&s->reader, number / s->interval - 1);
                dc = 0;
            }
            memset(coefficients, 0, sizeof coefficients);
            if (end == WHOLE) end = read_block(s, &dc, coefficients);
            if (end != WHOLE) return end;
            inverse(coefficients, s->steps[s->quantiser], block);
            const int high = s->rows - 8 * y < 8 ? s->rows - 8 * y : 8;
            const int wide = s->columns - 8 * x < 8 ? s->columns - 8 * x : 8;
            for (int i = 0; i < high; i++)
                memcpy(out + (size_t)(8 * y + i) * s->columns + 8 * x, block + 8 * i, (size_t)wide * 2);
        }
    return WHOLE;
}

static int decode(Stream *s, uint8_t *out, uint16_t *rows) {
    int end = s->process == 0xC3 ? lossless(s, rows, out) : extended(s, (uint16_t *)out);
    if (end == WHOLE) end = nothing_left(&s->reader);
    if (end != WHOLE) return end;
    const int marker = next_marker(&s->reader);
    return marker == 0xD9 ? WHOLE : marker == 0 ? TRUNCATED : CORRUPT;
}

static PyObject *decode_jpeg(PyObject *self, PyObject *args) {
    Py_buffer data, out;
    Stream *s = NULL;
    uint16_t *rows = NULL;
    int end;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*w*", &data, &out)) return NULL;
    s = PyMem_Calloc(1, sizeof *s);
    if (!s) goto failed;
    end = read_header(s, data.buf, (size_t)data.len);
    if (end == WHOLE) {
        const int lossless_process = s->process == 0xC3;
        if (lossless_process ? s->precision < 2 || s->precision > 16 || s->predictor < 1 || s->predictor > 7 ||
                                   s->transform >= s->precision
                             : s->precision != 12)
            end = OTHER;
        else if (!s->first->known || (!lossless_process && (!s->rest->known || !s->stepped[s->quantiser])))
            end = CORRUPT;
        else if (!s->rows || !s->columns ||
                 (size_t)out.len != (size_t)s->rows * (size_t)s->columns * (s->precision > 8 ? 2 : 1))
            end = OTHER;
    }
    if (end == WHOLE) {
        rows = PyMem_Malloc((size_t)s->columns * 2 * sizeof *rows);
        if (!rows) goto failed;
        Py_BEGIN_ALLOW_THREADS
        end = decode(s, out.buf, rows);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(rows);
    PyMem_Free(s);
    PyBuffer_Release(&data);
    PyBuffer_Release(&out);
    return PyLong_FromLong(end);
failed:
    PyMem_Free(s);
    PyBuffer_Release(&data);
    PyBuffer_Release(&out);
    return PyErr_NoMemory();
}

static PyMethodDef methods[] = {
    {"decode", decode_jpeg, METH_VARARGS,
     "decode(stream, out): fill out; 0 whole, 1 corrupt, 2 truncated, 3 not a stream for this decoder."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_jpeg", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__jpeg(void) { return PyModule_Create(&module); }
