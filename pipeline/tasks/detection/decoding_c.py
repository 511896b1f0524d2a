"""C source that finds boxes as `decoding` does, in the same order of operations."""

from pipeline.tasks.export import CResult

RESULT = CResult(
    declare="""
// An object: class number, score, and sides as fractions of the image.
typedef struct {
  int label;
  float score, left, top, right, bottom;
} model_data_box;

// Finds the objects with a score of at least `threshold`, 0 < threshold < 1, the best
// first; `boxes` has room for MODEL_DATA_MAX_BOXES. Returns their number.
int model_data_boxes(const model_data_output* output, float threshold,
                     model_data_box* boxes);
""",
    define="""\
#include <math.h>

#define CHANNELS (MODEL_DATA_CLASSES + MODEL_DATA_SIDES)

typedef struct {
  float logit;
  int place;  // cell * classes + class
} candidate;

static float at_least_0(float value) { return value > 0.0f ? value : 0.0f; }

static float fraction(float end, int count) {
  const float value = end / (float)count;
  return value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
}

static float area(const model_data_box* box) {
  return at_least_0(box->right - box->left) * at_least_0(box->bottom - box->top);
}

static float overlap(const model_data_box* a, const model_data_box* b) {
  const float left = a->left > b->left ? a->left : b->left;
  const float top = a->top > b->top ? a->top : b->top;
  const float right = a->right < b->right ? a->right : b->right;
  const float bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
  const float shared = at_least_0(right - left) * at_least_0(bottom - top);
  const float whole = area(a) + area(b) - shared;
  return whole > 0.0f ? shared / whole : 0.0f;
}

// The best logits from `lowest` on, in descending order; equal ones by place.
static int best_candidates(const model_data_output* output, float lowest,
                           candidate* best) {
  const int places = MODEL_DATA_ROWS * MODEL_DATA_COLUMNS * MODEL_DATA_CLASSES;
  int count = 0;
  for (int place = 0; place < places; ++place) {
    const int cell = place / MODEL_DATA_CLASSES;
    const float logit = model_data_output_real(
        output[cell * CHANNELS + place % MODEL_DATA_CLASSES]);
    if (!(logit >= lowest)) continue;
    if (count == MODEL_DATA_MAX_BOXES && !(logit > best[count - 1].logit)) continue;
    int k = count < MODEL_DATA_MAX_BOXES ? count++ : count - 1;
    for (; k > 0 && logit > best[k - 1].logit; --k) best[k] = best[k - 1];
    best[k].logit = logit;
    best[k].place = place;
  }
  return count;
}

static model_data_box box_at(const model_data_output* output, candidate found) {
  const int cell = found.place / MODEL_DATA_CLASSES;
  const model_data_output* sides = output + cell * CHANNELS + MODEL_DATA_CLASSES;
  const float x = (float)(cell % MODEL_DATA_COLUMNS) + 0.5f;
  const float y = (float)(cell / MODEL_DATA_COLUMNS) + 0.5f;
  model_data_box box;
  box.label = found.place % MODEL_DATA_CLASSES;
  box.score = 1.0f / (1.0f + expf(-found.logit));
  box.left = fraction(x - model_data_output_real(sides[0]), MODEL_DATA_COLUMNS);
  box.top = fraction(y - model_data_output_real(sides[1]), MODEL_DATA_ROWS);
  box.right = fraction(x + model_data_output_real(sides[2]), MODEL_DATA_COLUMNS);
  box.bottom = fraction(y + model_data_output_real(sides[3]), MODEL_DATA_ROWS);
  return box;
}

int model_data_boxes(const model_data_output* output, float threshold,
                     model_data_box* boxes) {
  static candidate best[MODEL_DATA_MAX_BOXES];
  const float lowest = logf(threshold / (1.0f - threshold));
  const int found = best_candidates(output, lowest, best);
  int count = 0;
  for (int k = 0; k < found; ++k) {
    const model_data_box box = box_at(output, best[k]);
    int covered = !(area(&box) > 0.0f);
    for (int n = 0; n < count && !covered; ++n) {
      covered = boxes[n].label == box.label &&
                overlap(&boxes[n], &box) > (float)(MODEL_DATA_MAX_OVERLAP);
    }
    if (!covered) boxes[count++] = box;
  }
  return count;
}
""",
    use="""\
    static model_data_box boxes[MODEL_DATA_MAX_BOXES];
    const int count = model_data_boxes(
        output, static_cast<float>(MODEL_DATA_THRESHOLD), boxes);
    for (int k = 0; k < count; ++k) {
      printf("%s %.3f (%.3f, %.3f, %.3f, %.3f)\\n",
             model_data_labels[boxes[k].label],
             static_cast<double>(boxes[k].score), static_cast<double>(boxes[k].left),
             static_cast<double>(boxes[k].top), static_cast<double>(boxes[k].right),
             static_cast<double>(boxes[k].bottom));
    }""",
)
