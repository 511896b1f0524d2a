#ifndef DECLARED_SCHEMA_H_
#define DECLARED_SCHEMA_H_

#include <stdint.h>

namespace tflite {

struct Model {
  uint32_t version() const;
};
const Model* GetModel(const void* buffer);

}  // namespace tflite

#endif  // DECLARED_SCHEMA_H_
