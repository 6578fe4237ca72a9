"""Adam in one operation a variable.

What changes from step to step is given to TensorFlow as np.float32: of each Python float, and so of each np.float64, it
keeps a tensor for ever, about a kilobyte a step.
"""

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015) by TensorFlow's fused kernel; Keras' own is a dozen passes over a variable's memory.

    Args: those of `keras.optimizers.Adam`; amsgrad is not supported.
    """

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )
