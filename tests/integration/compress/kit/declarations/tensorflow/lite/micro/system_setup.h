#ifndef DECLARED_SYSTEM_SETUP_H_
#define DECLARED_SYSTEM_SETUP_H_

namespace tflite {
void InitializeTarget();
}  // namespace tflite

#endif  // DECLARED_SYSTEM_SETUP_H_
