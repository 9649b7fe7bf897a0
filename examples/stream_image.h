/*
 * stream_image.h - what the instrument of the examples sees: 512 x 512 float32,
 * cos(x) * sin(y), x along the columns and y along the rows, both from 0 to
 * p * pi in 512 even steps, ends included. As numpy computes it: in double, and
 * rounded once.
 */
#ifndef STREAM_IMAGE_H
#define STREAM_IMAGE_H

#include <math.h>
#include <stdint.h>

#define IMAGE_SIDE  512
#define IMAGE_DTYPE "<f4"

static const uint64_t image_shape[2] = {IMAGE_SIDE, IMAGE_SIDE};

static inline void image_make(float image[IMAGE_SIDE][IMAGE_SIDE], int64_t p)
{
	const double end = (double)p * 3.14159265358979323846, step = end / (IMAGE_SIDE - 1);
	double c[IMAGE_SIDE], s[IMAGE_SIDE];
	for (int i = 0; i < IMAGE_SIDE; i++) {
		double x = i == IMAGE_SIDE - 1 ? end : 0.0 + i * step;
		c[i] = cos(x);
		s[i] = sin(x);
	}
	for (int row = 0; row < IMAGE_SIDE; row++)
		for (int col = 0; col < IMAGE_SIDE; col++)
			image[row][col] = (float)(c[col] * s[row]);
}

/* With glibc every bit is that of numpy 1.24 on the same machine; newer ones may take sines from the vector
 * unit, whose last bit may differ. So: to within a few units in the last place of 1. */
static inline int image_same(float a[IMAGE_SIDE][IMAGE_SIDE], float b[IMAGE_SIDE][IMAGE_SIDE])
{
	for (int row = 0; row < IMAGE_SIDE; row++)
		for (int col = 0; col < IMAGE_SIDE; col++)
			if (!(fabsf(a[row][col] - b[row][col]) < 5e-7f))
				return 0;
	return 1;
}

#endif
