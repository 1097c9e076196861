#include "mflux/weights/weights.h"
